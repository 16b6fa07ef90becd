"""Text towers: from the tokens of B texts to (B, D) features. What every kind of them is.

Shapes: B texts, L tokens of the longest of them, D features.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

Files = Mapping[str, bytes]
"""Name of a file -> its content: what a bundle keeps of a text tower beside its weights. No code, no pickle."""


class TextTower(nn.Module):
    """Base of all text towers."""

    width: int
    """Features of a text, D."""
    window: int
    """Tokens of a text that are read; what follows is cut off."""

    def tokens(self, text: str) -> list[int]:
        """All tokens of a text, special ones included, however many they are; not none, none of them 0 but padding."""
        raise NotImplementedError

    def cut(self, tokens: list[int]) -> list[int]:
        """The tokens that are read."""
        return tokens[: self.window]

    def forward(self, ids: Tensor, there: Tensor) -> Tensor:
        """(B, L) int64 tokens and (B, L) bool, whether a token is one and no padding -> (B, D)."""
        raise NotImplementedError

    def files(self) -> Files:
        """What `build_text` needs to build it again, beside its spec."""
        return {}

    def undecayed(self) -> set[str]:
        """Names of parameters that weight decay must not touch, though they have more than one dimension."""
        return set()


class Tokens:
    """The tokens of texts, each computed once.

    Args:
        tower: What reads them.
    """

    def __init__(self, tower: TextTower) -> None:
        self._tower = tower
        self._known: dict[str, Tensor] = {}

    def padded(self, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor]:
        """(B, L) int64 tokens, padded with 0, and (B, L) bool, whether each is no padding."""
        rows = [self._of(text) for text in texts]
        lengths = torch.tensor([len(row) for row in rows])
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True).to(torch.int64)
        there = torch.arange(ids.shape[1])[None] < lengths[:, None]
        return ids.to(device), there.to(device)

    def _of(self, text: str) -> Tensor:
        if text not in self._known:
            self._known[text] = torch.tensor(self._tower.cut(self._tower.tokens(text)), dtype=torch.int32)
        return self._known[text]
