"""Names the classes of a picture one after another.

Shapes: B sequences, D features of a picture, C classes, E numbers that stand for a class, L layers, H hidden units.
A token is a class from 0, or one of three others; of these only the end can be written.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sfumato.models.cnn_rnn.decoder_spec import DecoderSpec

State = tuple[Tensor, ...]
"""What is remembered, each (L, B, H): one of a GRU, two of an LSTM."""


class Decoder(nn.Module):
    """A recurrent network over tokens and the features of a picture.

    Args:
        spec: Its make.
        features: D.
        classes: C.
    """

    def __init__(self, spec: DecoderSpec, features: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.end, self.begin, self.pad = classes, classes + 1, classes + 2
        """Tokens: after the last class, before the first, and in the place of none."""
        self.longest = min(spec.longest or classes, classes)
        """Most classes of a sequence."""
        self.embedding = nn.Embedding(classes + 3, spec.embedding, padding_idx=self.pad)
        beside = features if spec.fusion == "input" else 0
        recurrent = nn.GRU if spec.cell == "gru" else nn.LSTM
        between = spec.dropout if spec.layers > 1 else 0.0
        self.cell = recurrent(spec.embedding + beside, spec.hidden, spec.layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(spec.dropout)
        self.out = nn.Linear(spec.hidden, spec.embedding if spec.fusion == "output" else classes + 1)
        self.seen = nn.Linear(features, spec.embedding, bias=False) if spec.fusion == "output" else None
        self._states = 1 if spec.cell == "gru" else 2

    def start(self, count: int, like: Tensor) -> State:
        """What is remembered before the first token of `count` sequences; `like` is a tensor of the same device."""
        zeros = torch.zeros(self.cell.num_layers, count, self.cell.hidden_size, device=like.device)
        return (zeros,) * self._states

    def step(self, tokens: Tensor, features: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a token of each sequence: (B,) tokens, (B, D) -> (B, C + 1) scores of what comes next, the end last.

        In fp32 always: small as it is, nothing is gained by less, and not every device has such cells in bf16.
        """
        with torch.autocast(features.device.type, enabled=False):
            return self._step(tokens, features.float(), state)

    def _step(self, tokens: Tensor, features: Tensor, state: State) -> tuple[Tensor, State]:
        read = self.embedding(tokens)
        if self.seen is None:
            read = torch.cat([features, read], dim=1)
        said, after = self.cell(self.dropout(read)[:, None], state[0] if self._states == 1 else state)
        following = (after,) if self._states == 1 else cast(State, tuple(after))
        out = self.out(self.dropout(said[:, 0]))
        if self.seen is not None:  # eq. 2 and 3 of Wang et al.: the picture joins what was remembered, not what is read
            out = F.linear(F.relu(out + self.seen(features)), self.embedding.weight[: self.classes + 1])
        return out, following


def log_shares(scores: Tensor, blocked: Tensor) -> Tensor:
    """(B, C + 1) log-probabilities of (B, C + 1) scores, float32, of all but the (B, C) classes that are blocked."""
    classes = blocked.shape[1]
    open_ = scores[:, :classes].float().masked_fill(blocked, -torch.inf)
    return torch.cat([open_, scores[:, classes:].float()], dim=1).log_softmax(dim=1)


def picked(state: Sequence[Tensor], rows: Tensor) -> State:
    """What is remembered of some sequences: (B',) rows, a row as often as it is wanted."""
    return tuple(part.index_select(1, rows) for part in state)
