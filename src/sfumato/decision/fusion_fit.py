"""Fitting a fusion on samples that no member was trained on. Shapes: M members, N samples, C classes."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.fusion import Floats, Fusion, Kind
from sfumato.decision.stacking import fit_stacked

Integers = NDArray[np.int64]

STEPS = 20
"""Weights are multiples of 1 / STEPS, so of 0.05: finer ones say more than the samples know."""
_MOST_POINTS = 2_000
"""A grid of more points is walked instead of searched: 4 members have 1,771, 5 have 10,626."""
_CELLS_AT_ONCE = 4_000_000


def fit_fusion(kind: Kind, log_p: Sequence[Floats], truth: Integers) -> Fusion:
    """A fusion of M arrays (N, C) of calibrated log-probabilities, for (N,) class indices, all of them known."""
    if kind == "average":
        return equal_weights(len(log_p))
    if kind == "weighted":
        rows = np.arange(len(truth))
        return fit_weights(np.stack([np.exp(one[rows, truth].astype(np.float64)) for one in log_p]))
    return fit_stacked(np.stack(log_p), truth)


def equal_weights(members: int, kind: Literal["average", "folds"] = "average") -> Fusion:
    """The average, which nothing is fitted for."""
    return Fusion(kind, ((1 / members,),) * members)


def fit_weights(true: NDArray[np.float64]) -> Fusion:
    """The weights on the grid of the simplex whose mixture makes the truth likeliest.

    The mean of -log sum_m w_m p_m(truth) needs no other probability than that of the true class, so large tables cost
    one number a sample and member. Up to 4 members every point of the grid is tried; of more, one step is moved
    between the two members that gain most by it until no move gains, from equal weights: the function is convex. Of
    points that are equally good the most even one is taken, so members that say the same share alike.

    Args:
        true: (M, N) probability that each member gives the true class.
    """
    grid = _grid(len(true)) if _points(len(true)) <= _MOST_POINTS else _walk(true)
    losses = _losses(grid, true)
    as_good = np.flatnonzero(losses <= losses.min() + 1e-9)
    best = grid[as_good[np.argmin((grid[as_good] ** 2).sum(axis=1))]]
    return Fusion("weighted", tuple((count / STEPS,) for count in best.tolist()), samples=true.shape[1])


def deal(truth: Integers, groups: Integers | None, folds: int, seed: int = 0) -> Integers:
    """(N,) fold from 0 of each sample: classes spread evenly, and a group never over two folds.

    Args:
        truth: (N,) class indices; of a group its first sample's class counts.
        groups: (N,) number of the group each sample belongs to; None = each is on its own.
        folds: How many.
        seed: Of the order in which those of a class are dealt.
    """
    units = np.arange(len(truth)) if groups is None else np.unique(groups, return_inverse=True)[1]
    first = np.unique(units, return_index=True)[1]
    chance = np.random.default_rng(seed).random(len(first))
    place = np.empty(len(first), dtype=np.int64)
    place[np.lexsort((chance, truth[first]))] = np.arange(len(first)) % folds
    return place[units]


def _points(members: int) -> int:
    """Points of the grid: ways to give STEPS steps to M members."""
    return int(np.prod([(STEPS + i) / i for i in range(1, members)]) + 0.5)


def _grid(members: int) -> Integers:
    """(points, M) steps of each member, summing to STEPS."""
    bars = np.array(list(combinations(range(STEPS + members - 1), members - 1)), dtype=np.int64)
    edges = np.pad(bars.reshape(len(bars), members - 1), ((0, 0), (1, 1)), constant_values=((0, 0), (-1, 0)))
    edges[:, -1] = STEPS + members - 1
    return np.diff(edges, axis=1) - 1


def _walk(true: NDArray[np.float64]) -> Integers:
    """(1, M) where a walk from equal weights ends."""
    members = len(true)
    at = np.full(members, STEPS // members)
    at[: STEPS % members] += 1
    loss = _losses(at[None], true)[0]
    while True:
        moves = np.array(list(_moves(at)))
        losses = _losses(moves, true)
        if losses.min() >= loss - 1e-9:
            return at[None]
        at, loss = moves[losses.argmin()], losses.min()


def _moves(at: Integers) -> Iterator[Integers]:
    """Every point one step away."""
    for giver in np.flatnonzero(at).tolist():
        for taker in range(len(at)):
            if taker != giver:
                moved = at.copy()
                moved[giver], moved[taker] = moved[giver] - 1, moved[taker] + 1
                yield moved


def _losses(grid: Integers, true: NDArray[np.float64]) -> NDArray[np.float64]:
    """(points,) mean negative log-likelihood in nats."""
    chunk = max(1, _CELLS_AT_ONCE // max(1, true.shape[1]))
    parts = [grid[start : start + chunk] / STEPS @ true for start in range(0, len(grid), chunk)]
    return np.concatenate([-np.log(np.maximum(part, 1e-30)).mean(axis=1) for part in parts])
