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

    def of(self, pictures: Tensor) -> "Found":
        """Those of some pictures, (B',) their rows."""
        return Found(self.log_p[pictures], self.tokens[pictures])

    def put(self, pictures: Tensor, found: "Found") -> None:
        """Take what was found of some pictures, in place."""
        self.log_p[pictures], self.tokens[pictures] = found.log_p, found.tokens

    def joined(self, log_p: Tensor, tokens: Tensor) -> "Found":
        """The W likeliest of these and of others."""
        width = self.log_p.shape[1]
        best, place = torch.cat([self.log_p, log_p], dim=1).topk(width, dim=1)
        both = torch.cat([self.tokens, tokens], dim=1)
        return Found(best, both.gather(1, place[..., None].expand(-1, -1, both.shape[2])))


@dataclass(frozen=True)
class _Paths:
    """Sequences that have not ended, of the pictures whose search goes on."""

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

    def of(self, pictures: Tensor) -> "_Paths":
        """Those of some pictures, (B',) their rows."""
        width = self.log_p.shape[1]
        rows = (width * pictures[:, None] + torch.arange(width, device=pictures.device)).flatten()
        return _Paths(self.log_p[pictures], self.tokens[pictures], self.last[pictures], picked(self.state, rows))


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
    paths, going = _first(decoder, features), torch.arange(len(features), device=features.device)
    found = _none(decoder, len(features), width, features)
    for place in range(decoder.longest + 1):
        following, state = _following(decoder, features[going], paths, place)
        ended = found.of(going).joined(following[..., decoder.end], paths.tokens)
        found.put(going, ended)
        if place == decoder.longest:
            break
        paths = _extended(following[..., : decoder.end], paths, state, place, width)
        on = torch.nonzero(paths.log_p[:, 0] > ended.log_p[:, -1])[:, 0]
        if not len(on):
            break
        going, paths = going[on], paths.of(on)
    return found


def _none(decoder: Decoder, count: int, width: int, like: Tensor) -> Found:
    """No sequence yet."""
    log_p = torch.full((count, width), -torch.inf, device=like.device)
    return Found(log_p, torch.full((count, width, decoder.longest), decoder.pad, device=like.device))


def _first(decoder: Decoder, features: Tensor) -> _Paths:
    """One path of each picture, which has named nothing."""
    count, device = len(features), features.device
    tokens = torch.full((count, 1, decoder.longest), decoder.pad, device=device)
    begun = torch.full((count, 1), decoder.begin, device=device)
    return _Paths(torch.zeros(count, 1, device=device), tokens, begun, decoder.start(count, features))


def _following(decoder: Decoder, features: Tensor, paths: _Paths, place: int) -> tuple[Tensor, State]:
    """(B, W, C + 1) log-probabilities of the paths and one token more; at the last place only the end can follow."""
    width = paths.log_p.shape[1]
    scores, state = decoder.step(paths.last.flatten(), features.repeat_interleave(width, dim=0), paths.state)
    blocked = paths.named(decoder).flatten(0, 1) | (place == decoder.longest)
    return paths.log_p[..., None] + log_shares(scores, blocked).view(len(features), width, -1), state


def _extended(following: Tensor, paths: _Paths, state: State, place: int, most: int) -> _Paths:
    """The likeliest, at most so many a picture, of all that go on by one class, whose probabilities are (B, W, C)."""
    count, width, classes = following.shape
    log_p, chosen = following.flatten(1).topk(min(most, width * classes), dim=1)
    parent, named = chosen // classes, chosen % classes
    tokens = paths.tokens.gather(1, parent[..., None].expand(-1, -1, paths.tokens.shape[2]))
    tokens[:, :, place] = named
    rows = (parent + width * torch.arange(count, device=parent.device)[:, None]).flatten()
    return _Paths(log_p, tokens, named, picked(state, rows))


def marginals(found: Found, classes: int) -> Tensor:
    """(B, C) share of the probability found that lies in sequences which name a class, 0 to 1."""
    marks = torch.zeros(*found.tokens.shape[:2], classes + 3, device=found.log_p.device)
    named = marks.scatter_(2, found.tokens, 1.0)[..., :classes]
    return torch.einsum("bw,bwc->bc", found.log_p.softmax(dim=1), named)
