"""The names that a model may write, as trees of tokens: of all of them, or of those that are asked for.

Shapes: B samples, C names, K of them that are scored.
"""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import cast

import torch
from torch import Tensor

from sfumato.models.vlm.trie import Trie, plant, shares

UNASKED = -1e4
"""Log-likelihood of a name that is not asked for: finite, and far below any that is."""
KNOWN = 256
"""Sets of names whose trees are kept."""

Groups = list[tuple[list[int], Trie]]
"""Indices of names, and their tree."""


class Candidates:
    """C names.

    Args:
        tokens: (C) of each.
        end: Token that ends a name.
    """

    def __init__(self, tokens: Sequence[Sequence[int]], end: int) -> None:
        self.tokens = tokens
        self._end = end
        self._planted = lru_cache(maxsize=KNOWN)(self._plant)

    @cached_property
    def all(self) -> Groups:
        """The trees of all names."""
        return self._plant(tuple(range(len(self.tokens))))

    def some(self, kept_bc: Tensor) -> Groups:
        """The trees of the names that (B, C) bool says are asked for of any of the samples."""
        columns = cast(list[int], torch.nonzero(kept_bc.any(dim=0))[:, 0].tolist())
        return self.all if len(columns) in (0, len(self.tokens)) else self._planted(tuple(columns))

    def placed(self, scores_bk: Tensor, groups: Groups) -> Tensor:
        """(B, C) of (B, K) scores of the names of some trees, in their order; UNASKED for others."""
        columns = torch.tensor([index for group, _ in groups for index in group], device=scores_bk.device)
        whole = scores_bk.new_full((len(scores_bk), len(self.tokens)), UNASKED)
        return whole.index_copy(1, columns, scores_bk)

    def _plant(self, columns: tuple[int, ...]) -> Groups:
        own = [self.tokens[column] for column in columns]
        with torch.inference_mode(mode=False):  # a tree that is first asked for in inference is trained by later
            return [
                ([columns[place] for place in group], plant([own[place] for place in group], self._end))
                for group in shares(own)
            ]
