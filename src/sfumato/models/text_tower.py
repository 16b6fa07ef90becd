"""Text towers: from the tokens of B texts to (B, D) features. What every kind of them is.

Shapes: B texts, L tokens of the longest of them, D features.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Files = Mapping[str, bytes]
"""Name of a file -> its content: what a bundle keeps of a text tower beside its weights. No code, no pickle."""


class TextTower(nn.Module):
    """Base of all text towers."""

    width: int
    """Features of a text, D."""
    window: int
    """Tokens of a text that are read; what follows is cut off."""
    settings = ""
    """How it reads, as far as neither weights nor structure nor files say so: towers that differ in it alone are told
    apart by it."""

    def tokens(self, text: str) -> list[int]:
        """All tokens of a text, special ones included, however many they are; not none.

        None of them is 0, which is padding, but for a 0 alone where nothing of the text is known.
        """
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
    """The tokens of texts, each computed once; in prediction they are not kept, or a service would grow with each text.

    Args:
        tower: What reads them.
    """

    def __init__(self, tower: TextTower) -> None:
        self._tower = tower
        self._known: dict[str, Tensor] = {}
        self._lengths: dict[str, int] = {}

    def padded(self, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor]:
        """(B, L) int64 tokens, padded with 0, and (B, L) bool, whether each is no padding."""
        rows = [self._of(text) for text in texts]
        lengths = torch.tensor([len(row) for row in rows])
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True).to(torch.int64)
        there = torch.arange(ids.shape[1])[None] < lengths[:, None]
        return ids.to(device), there.to(device)

    def length(self, text: str) -> int:
        """How many tokens a text has, before it is cut."""
        if text not in self._lengths:
            self._of(text)
        return self._lengths[text]

    def _of(self, text: str) -> Tensor:
        known = self._known.get(text)
        if known is not None:
            return known
        tokens = self._tower.tokens(text)
        found = torch.tensor(self._tower.cut(tokens), dtype=torch.int32)
        if not torch.is_inference_mode_enabled():
            self._lengths[text], self._known[text] = len(tokens), found
        return found


class Reader:
    """Reads texts with a tower, empty ones apart.

    Args:
        tower: What reads them; its parameters stay those of the model it is part of.
        empty: Whether an empty text is read as if it were one, and not left zeros.
    """

    def __init__(self, tower: TextTower, *, empty: bool = False) -> None:
        self._tower, self._empty = tower, empty
        self.tokens = Tokens(tower)
        """Of the texts that were read."""
        self._known: dict[str, Tensor] | None = None

    def features(self, texts: Sequence[str], device: torch.device) -> Tensor:
        """(B, D) of length 1 each; zeros for an empty text."""
        found = torch.zeros(len(texts), self._tower.width, device=device)
        places = [place for place, text in enumerate(texts) if text or self._empty]
        if not places:
            return found
        features = self._of([texts[place] for place in places], device)
        return found.index_copy(0, torch.tensor(places, device=device), features)

    @contextmanager
    def once(self) -> Generator[None]:
        """Within the context each text is read once, however often; the tower must not change."""
        before, self._known = self._known, dict(self._known or {})
        try:
            yield
        finally:
            self._known = before

    @torch.no_grad()
    def keep(self, texts: Sequence[str], device: torch.device) -> None:
        """Read these texts in one pass, and none of them again until `forget`; the tower must not change until then."""
        self._known = self._known or {}
        there = [text for text in texts if text or self._empty]
        if there:
            self._of(there, device)

    def forget(self) -> None:
        """Read every text anew from now on."""
        self._known = None

    def _of(self, texts: list[str], device: torch.device) -> Tensor:
        if self._known is None:
            return self._fresh(texts, device)
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            self._known |= dict(zip(new, self._fresh(new, device), strict=True))
        return torch.stack([self._known[text] for text in texts])

    def _fresh(self, texts: list[str], device: torch.device) -> Tensor:
        return F.normalize(self._tower(*self.tokens.padded(texts, device)).float(), dim=1)
