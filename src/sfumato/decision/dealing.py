"""Dealing samples into folds, so that what is fitted on some is tried on others."""

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.membership import Truth, members

Integers = NDArray[np.int64]


def deal(truth: Truth, groups: Integers | None, folds: int, seed: int = 0) -> Integers:
    """(N,) fold from 0 of each sample: classes spread evenly, and a group never over two folds.

    Args:
        truth: (N,) class indices, or (N, C) booleans; a sample of several classes counts as its rarest, and of a group
            its first sample's class counts.
        groups: (N,) number of the group each sample belongs to; None = each is on its own.
        folds: How many.
        seed: Of the order in which those of a class are dealt.
    """
    classes = truth if truth.ndim == 1 else _rarest(members(truth, truth.shape[1]))
    units = np.arange(len(truth)) if groups is None else np.unique(groups, return_inverse=True)[1]
    first = np.unique(units, return_index=True)[1]
    chance = np.random.default_rng(seed).random(len(first))
    place = np.empty(len(first), dtype=np.int64)
    place[np.lexsort((chance, classes[first]))] = np.arange(len(first)) % folds
    return place[units]


def _rarest(there: NDArray[np.bool_]) -> Integers:
    """(N,) index of the rarest class that each sample is of; C where it is of none."""
    counts = there.sum(axis=0)
    ranked = np.where(there, counts, len(there) + 1)
    return np.where(there.any(axis=1), ranked.argmin(axis=1), len(counts)) if len(counts) else np.zeros(len(there), int)
