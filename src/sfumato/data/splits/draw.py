"""Drawing a share of the samples by chance: units whole, every class and stratum spread evenly."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sfumato.data.splits.units import Floats, Integers, by_unit

Taken = NDArray[np.bool_]
_ORDERS = 500
_WORK = 40_000
"""Units looked at, over all orders tried: a few dozen units are tried in many orders, a million in one."""


def draw(matrix: csr_array, units: Integers, share: float, rng: np.random.Generator) -> Taken:
    """(N,) True for about `share` of every column of `matrix`, units whole.

    scikit-learn's StratifiedGroupKFold is not used: with a few dozen groups its folds differed threefold in their share
    of a class, and its seed changed nothing but ties.

    Args:
        matrix: (N, S) what each sample counts for.
        units: (N,) unit of each sample.
        share: 0 to 1.
        rng: Decides among what is equally good.
    """
    wanted = share * np.asarray(matrix.sum(axis=0), dtype=np.float64)
    size = np.bincount(units)
    several = size[units] > 1
    taken = np.zeros(len(units), dtype=bool)
    if several.any():  # their share of them, not of everything: a part made of all there is of clusters is no sample
        own = share * np.asarray(matrix[several].sum(axis=0), dtype=np.float64)
        taken |= several & _even_units(by_unit(matrix, units), size > 1, own, rng)[units]
    still = wanted - np.asarray(matrix[taken].sum(axis=0))
    free = np.flatnonzero(~several)
    if len(free):
        single = matrix[free]
        one_class = bool((np.diff(single.indptr) == 1).all())
        taken[free] = (
            _fill(single.indices.astype(np.int64), still, rng) if one_class else _iterative(single, still, rng)
        )
    return taken


def _even_units(counts: csr_array, allowed: Taken, wanted: Floats, rng: np.random.Generator) -> Taken:
    """(U,) units that together come as near as can be found to `wanted`, by chi-square: of each class, and of all.

    In a random order, a unit is taken if it brings the counts nearer; the best of several orders wins.
    """
    candidates = np.flatnonzero(allowed)
    scale = 1 / np.maximum(wanted, 1)
    size = np.asarray(counts.sum(axis=1), dtype=np.float64)
    weight = len(wanted) / max(1.0, float(wanted.sum()))  # the sum counts as much as all classes together
    best, found = np.inf, np.zeros(len(allowed), dtype=bool)
    for _ in range(int(np.clip(_WORK // len(candidates), 1, _ORDERS))):
        chosen, missing, left = np.zeros(len(allowed), dtype=bool), wanted.copy(), float(wanted.sum())
        for unit in rng.permutation(candidates).tolist():
            inside = slice(counts.indptr[unit], counts.indptr[unit + 1])
            columns, amounts = counts.indices[inside], counts.data[inside]
            gap = missing[columns]
            change = float((scale[columns] * amounts * (amounts - 2 * gap)).sum())
            if change + weight * size[unit] * (size[unit] - 2 * left) < 0:
                chosen[unit] = True
                missing[columns], left = gap - amounts, left - size[unit]
        off = float(missing**2 @ scale) + weight * left**2
        if off < best:
            best, found = off, chosen
    return found


def _fill(y: Integers, wanted: Floats, rng: np.random.Generator) -> Taken:
    """(N,) True for `wanted` samples of each class, rounded so that their sum is right; each sample has one class."""
    available = np.bincount(y, minlength=len(wanted))
    exact = np.clip(wanted, 0, available)
    number = np.floor(exact).astype(np.int64)
    rest = round(float(exact.sum())) - int(number.sum())
    shuffled = rng.permutation(len(exact))  # or classes of equal size would win by their names
    nearest = shuffled[np.argsort((number - exact)[shuffled], kind="stable")]
    number[nearest[: max(0, rest)]] += 1
    order = rng.permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    first = np.concatenate([[0], np.cumsum(available)[:-1]])
    rank = np.arange(len(order)) - first[y[order]]
    taken = np.zeros(len(y), dtype=bool)
    taken[order[rank < np.minimum(number, available)[y[order]]]] = True
    return taken


def _iterative(matrix: csr_array, wanted: Floats, rng: np.random.Generator) -> Taken:
    """(N,) True for about `wanted` of each column, where a sample counts for several.

    Iterative stratification for two sides: K. Sechidis, G. Tsoumakas, I. Vlahavas, On the stratification of multi-label
    data, ECML PKDD 2011, algorithm 1: the rarest class first, each of its samples to the side that misses it most.
    """
    order = rng.permutation(matrix.shape[0])
    shuffled = matrix[order]
    by_class = shuffled.tocsc()
    total = np.asarray(matrix.sum(axis=0))
    here, there = wanted.astype(np.float64), total - wanted
    settled, taken = np.zeros(len(order), dtype=bool), np.zeros(len(order), dtype=bool)
    for cls in np.argsort(total, kind="stable").tolist():
        members = by_class.indices[by_class.indptr[cls] : by_class.indptr[cls + 1]]
        for row in members[~settled[members]].tolist():
            columns = shuffled.indices[shuffled.indptr[row] : shuffled.indptr[row + 1]]
            mine = here[cls] > there[cls] or (here[cls] == there[cls] and here.sum() > there.sum())
            (here if mine else there)[columns] -= 1
            settled[row], taken[row] = True, mine
    result = np.zeros(len(order), dtype=bool)
    result[order] = taken
    return result
