"""Which training samples a reference is made of: as many of each class, as far as there are any, and not too many."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.doubt.reference import Measure

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Most:
    """How many samples may be drawn."""

    a_class: int
    in_all: int
    """Of all classes together; of more classes than that, one sample each."""

    def of_class(self, counts: Integers) -> int:
        """How many of a class may be drawn, of (C,) that there are, for all to keep to `in_all`."""
        fine = (most for most in range(self.a_class, 1, -1) if np.minimum(counts, most).sum() <= self.in_all)
        return next(fine, 1)


MOST: dict[Measure, Most] = {"mahalanobis": Most(2_000, 20_000), "knn": Most(500, 10_000)}
"""A covariance of a thousand features needs many samples, and takes no more room for it; a bank is stored whole."""


def drawn(by: Measure, truth: Integers, seed: int) -> Integers:
    """Rows, rising, of (N,) class indices; samples of unknown class, below 0, are never among them."""
    known = np.flatnonzero(truth >= 0)
    shuffled = np.random.default_rng(seed).permutation(known)
    most = MOST[by].of_class(np.bincount(truth[known]))
    return np.sort(shuffled[_turn(truth[shuffled]) < most])


def _turn(truth: Integers) -> Integers:
    """(N,) how many samples of the same class stand before each."""
    order = np.argsort(truth, kind="stable")
    starts = np.searchsorted(truth[order], truth[order])
    turn = np.empty(len(truth), dtype=np.int64)
    turn[order] = np.arange(len(truth)) - starts
    return turn
