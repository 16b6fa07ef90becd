"""The likeliest sequences of classes of each picture, all pictures and all paths at once.

Shapes: B pictures, W paths followed side by side, C classes, T most classes of a sequence.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.models.cnn_rnn.decoder import Decoder, State, log_shares, picked


@dataclass(frozen=True)
class Found:
    """Sequences that have ended, the likeliest first."""

    log_p: Tensor
    """(B, W) logarithms of their probabilities; -inf where there are fewer."""
    tokens: Tensor
    """(B, W, T) their classes in order, the decoder's `pad` after them."""

    def joined(self, log_p: Tensor, tokens: Tensor) -> "Found":
        """The W likeliest of these and of others."""
        width = self.log_p.shape[1]
        best, place = torch.cat([self.log_p, log_p], dim=1).topk(width, dim=1)
        both = torch.cat([self.tokens, tokens], dim=1)
        return Found(best, both.gather(1, place[..., None].expand(-1, -1, both.shape[2])))


@dataclass(frozen=True)
class _Paths:
    """Sequences that have not ended."""

    log_p: Tensor
    """(B, W)."""
    tokens: Tensor
    """(B, W, T)."""
    last: Tensor
    """(B, W) what was named last."""
    state: State

    def named(self, decoder: Decoder) -> Tensor:
        """(B, W, C) whether each class was named."""
        shape = (*self.tokens.shape[:2], decoder.classes + 3)
        marks = torch.zeros(shape, dtype=torch.bool, device=self.tokens.device)
        return marks.scatter_(2, self.tokens, value=True)[..., : decoder.classes]


@torch.no_grad()
def search(decoder: Decoder, features: Tensor, width: int) -> Found:
    """Follow the `width` likeliest paths of each picture until no sequence that goes on can be among the likeliest.

    A class that was named can't be named again: its probability goes to the others before any path is compared, so that
    those of all sequences sum to 1. A path can but lose probability, so a picture is done when its likeliest one that
    goes on is no likelier than the least likely of `width` that have ended (Wang et al., section 3.3).

    Args:
        decoder: In evaluation mode.
        features: (B, D).
        width: W, at least 1.
    """
    count = len(features)
    repeated = features.repeat_interleave(width, dim=0)
    paths = _first(decoder, features, width)
    found = Found(torch.full_like(paths.log_p, -torch.inf), torch.full_like(paths.tokens, decoder.pad))
    for place in range(decoder.longest + 1):
        scores, state = decoder.step(paths.last.flatten(), repeated, paths.state)
        blocked = paths.named(decoder).flatten(0, 1) | (place == decoder.longest)
        following = paths.log_p[..., None] + log_shares(scores, blocked).view(count, width, -1)
        found = found.joined(following[..., decoder.end], paths.tokens)
        paths = _extended(following[..., : decoder.end], paths, state, min(place, decoder.longest - 1))
        if bool((paths.log_p[:, 0] <= found.log_p[:, -1]).all()):
            break
    return found


def _first(decoder: Decoder, features: Tensor, width: int) -> _Paths:
    """One path of each picture that has named nothing; the others are no paths yet."""
    count, device = len(features), features.device
    log_p = torch.full((count, width), -torch.inf, device=device)
    log_p[:, 0] = 0
    tokens = torch.full((count, width, decoder.longest), decoder.pad, device=device)
    return _Paths(log_p, tokens, torch.full_like(tokens[..., 0], decoder.begin), decoder.start(count * width, features))


def _extended(following: Tensor, paths: _Paths, state: State, place: int) -> _Paths:
    """The likeliest (B, W) of all that go on by one class, whose probabilities are (B, W, C)."""
    count, width, classes = following.shape
    log_p, chosen = following.flatten(1).topk(width, dim=1)
    parent, named = chosen // classes, chosen % classes
    tokens = paths.tokens.gather(1, parent[..., None].expand_as(paths.tokens)).clone()
    tokens[:, :, place] = named
    rows = (parent + width * torch.arange(count, device=parent.device)[:, None]).flatten()
    return _Paths(log_p, tokens, named, picked(state, rows))


def marginals(found: Found, classes: int) -> Tensor:
    """(B, C) share of the probability found that lies in sequences which name a class, 0 to 1."""
    marks = torch.zeros(*found.tokens.shape[:2], classes + 3, device=found.log_p.device)
    named = marks.scatter_(2, found.tokens, 1.0)[..., :classes]
    return torch.einsum("bw,bwc->bc", found.log_p.softmax(dim=1), named)
