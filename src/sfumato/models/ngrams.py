"""A text tower that needs no download: the mean of learnt vectors of words and of letter sequences.

Bojanowski et al., Enriching Word Vectors with Subword Information, TACL 2017 (fastText), with the hashing trick.
"""

import re
import zlib
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sfumato.models.text_tower import TextTower
from sfumato.spec import Spec

_WORD = re.compile(r"\w+|[^\w\s]")
_SHORTEST, _LONGEST = 2, 5
"""Letters of a sequence within a word."""


class NgramsSpec(Spec):
    """The mean of learnt vectors of words and letter sequences; random at first, for any language, on any machine."""

    kind: Literal["ngrams"] = "ngrams"
    width: Annotated[int, Field(ge=1, le=4096)] = 128
    """Features of a text."""
    buckets: Annotated[int, Field(ge=16, le=10_000_000)] = 32_768
    """Vectors there are; words and letter sequences whose hashes agree share one."""
    window: Annotated[int, Field(ge=1, le=100_000)] = 2048
    """Words and letter sequences of a text that are read; what follows is cut off."""


class Ngrams(TextTower):
    """The tower of a spec."""

    def __init__(self, spec: NgramsSpec) -> None:
        super().__init__()
        self.width, self.window = spec.width, spec.window
        self.settings = spec.model_dump_json()
        self._buckets = spec.buckets
        self.vectors = nn.Parameter(torch.empty(spec.buckets + 1, spec.width))
        nn.init.normal_(self.vectors, std=spec.width**-0.5)

    def tokens(self, text: str) -> list[int]:
        """A number from 1 for each word and each letter sequence in it, in the order of the text."""
        return [1 + zlib.crc32(piece.encode()) % self._buckets for piece in pieces(text)] or [1]

    def forward(self, ids: Tensor, there: Tensor) -> Tensor:
        """(B, L) tokens and (B, L) which of them are no padding -> (B, D)."""
        del there  # padding is 0, whose vector is left out of the mean
        return F.embedding_bag(ids, self.vectors, mode="mean", padding_idx=0)

    def undecayed(self) -> set[str]:
        """The table: decay would shrink the vectors of rare words in every step, and a step rarely meets them."""
        return {"vectors"}


def pieces(text: str) -> list[str]:
    """Each word in small letters, and after it the sequences of 2 to 5 letters of `<word>`."""
    found: list[str] = []
    for word in _WORD.findall(text.casefold()):
        found.append(word)
        marked = f"<{word}>"
        for long in range(_SHORTEST, _LONGEST + 1):
            found += [marked[i : i + long] for i in range(len(marked) - long + 1)]
    return found
