"""Which training samples a reference is made of: as many of each class, as far as there are any, and not too many."""

import numpy as np
from numpy.typing import NDArray

A_CLASS = 500
"""Samples of a class at most."""
IN_ALL = 10_000
"""Samples of all classes together at most; of more classes than that, one each."""

Integers = NDArray[np.int64]


def drawn(truth: Integers, seed: int) -> Integers:
    """Rows, rising, of (N,) class indices; samples of unknown class, below 0, are never among them."""
    known = np.flatnonzero(truth >= 0)
    shuffled = np.random.default_rng(seed).permutation(known)
    most = limit(np.bincount(truth[known]))
    return np.sort(shuffled[_turn(truth[shuffled]) < most])


def limit(counts: Integers) -> int:
    """Samples of a class that may be drawn at most, of (C,) that there are: A_CLASS, or fewer to keep to IN_ALL."""
    fine = (most for most in range(A_CLASS, 1, -1) if np.minimum(counts, most).sum() <= IN_ALL)
    return next(fine, 1)


def _turn(truth: Integers) -> Integers:
    """(N,) how many samples of the same class stand before each."""
    order = np.argsort(truth, kind="stable")
    starts = np.searchsorted(truth[order], truth[order])
    turn = np.empty(len(truth), dtype=np.int64)
    turn[order] = np.arange(len(truth)) - starts
    return turn
