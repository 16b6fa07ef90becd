"""Dealing samples into K folds: units whole, every class spread evenly, rare classes in as many folds as they can."""

import numpy as np
from scipy.sparse import csr_array

from sfumato.data.splits.units import Floats, Integers, by_unit

PINNED = -1
"""Fold of samples that always train: the only unit of a class can't be learnt and measured at once."""

_ORDERS = 100
_WORK = 20_000


def deal(matrix: csr_array, units: Integers, folds: int, rng: np.random.Generator) -> Integers:
    """(N,) fold of each sample, 0 to folds - 1, or PINNED.

    A class of n < `folds` units stands in n folds, and a class of one unit in none. No fold holds all of a class.

    Args:
        matrix: (N, S) what each sample counts for.
        units: (N,) unit of each sample.
        folds: How many.
        rng: Decides among what is equally good.
    """
    counts = by_unit(matrix, units)
    alone = np.asarray((counts > 0).sum(axis=0)) == 1
    pinned = np.asarray((counts[:, alone] > 0).sum(axis=1)) > 0
    fold = np.full(counts.shape[0], PINNED, dtype=np.int64)
    free = np.flatnonzero(~pinned)
    one_class = bool((np.diff(counts[free].indptr) == 1).all())
    equal = bool((np.bincount(units)[free] == 1).all())
    fold[free] = _in_turn(counts[free], folds, rng) if one_class and equal else _by_need(counts[free], folds, rng)
    _pin_what_would_not_train(fold, counts)
    return fold[units]


def _pin_what_would_not_train(fold: Integers, counts: csr_array) -> None:
    """Pin the smallest unit of a class that stands in one fold alone: large units may leave no other way."""
    columns, size = counts.tocsc(), np.asarray(counts.sum(axis=1))
    for cls in range(counts.shape[1]):
        members = columns.indices[columns.indptr[cls] : columns.indptr[cls + 1]]
        if len(members) and len(np.unique(fold[members])) == 1:
            fold[members[np.argmin(size[members])]] = PINNED


def _in_turn(counts: csr_array, folds: int, rng: np.random.Generator) -> Integers:
    """(U,) units of one sample and one class each: each class is dealt in turn, on from where the last one ended."""
    order = rng.permutation(counts.shape[0])
    order = order[np.argsort(counts.indices[order], kind="stable")]
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = (np.arange(len(order)) + rng.integers(folds)) % folds
    return fold


def _by_need(counts: csr_array, folds: int, rng: np.random.Generator) -> Integers:
    """(U,) each unit to the fold where it leaves the counts most even, by chi-square; large units first.

    The best of several orders wins. With one class a unit this is what scikit-learn's StratifiedGroupKFold does, but
    for the orders and the measure.
    """
    size = np.asarray(counts.sum(axis=1))
    rare = np.asarray((counts > 0).astype(np.float64) @ (1 / np.maximum(1, np.asarray((counts > 0).sum(axis=0)))))
    best, found = np.inf, np.zeros(counts.shape[0], dtype=np.int64)
    for _ in range(int(np.clip(_WORK // max(1, counts.shape[0]), 1, _ORDERS))):
        order = rng.permutation(counts.shape[0])
        order = order[np.lexsort((-rare[order], -size[order]))]
        fold, off = _dealt(counts, order, folds)
        if off < best:
            best, found = off, fold
    return found


def _dealt(counts: csr_array, order: Integers, folds: int) -> tuple[Integers, float]:
    wanted: Floats = np.asarray(counts.sum(axis=0)) / folds
    missing = np.tile(wanted[:, None], (1, folds))
    scale = 1 / np.maximum(wanted, 1)
    fold = np.empty(len(order), dtype=np.int64)
    starts, columns, amounts = counts.indptr, counts.indices, counts.data
    for unit in order.tolist():
        mine = columns[starts[unit] : starts[unit + 1]]
        gain = (scale[mine] * amounts[starts[unit] : starts[unit + 1]]) @ missing[mine]
        chosen = int(np.argmax(gain))
        fold[unit] = chosen
        missing[mine, chosen] -= amounts[starts[unit] : starts[unit + 1]]
    return fold, float((missing**2 * scale[:, None]).sum())
