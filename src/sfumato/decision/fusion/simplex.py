"""Weights of members on a grid of the simplex: 0 or above, summing to 1. Shapes: M members, N samples."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]

STEPS = 20
"""Weights are multiples of 1 / STEPS, so of 0.05: finer ones say more than the samples know."""
_MOST_POINTS = 2_000
"""A grid of more points is walked instead of searched: 4 members have 1,771, 5 have 10,626."""
_CELLS_AT_ONCE = 4_000_000
_GAIN = 1e-9
"""Nats a sample below which two points are equally good."""
_LEAST = 1e-30


def best_weights(true: Doubles) -> Doubles:
    """(M,) the weights on the grid whose mixture makes the truth likeliest.

    The mean of -log sum_m w_m p_m(truth) needs no other probability than that of what is so, so large tables cost one
    number a sample and member. Up to 4 members every point of the grid is tried; of more, one step is moved between
    the two members that gain most by it until no move gains, from equal weights: the function is convex. Of points that
    are equally good the most even one is taken, so members that say the same share alike.

    Args:
        true: (M, N) probability that each member gives what is so, N at least 1.
    """
    grid = _grid(len(true)) if _points(len(true)) <= _MOST_POINTS else _walk(_even(len(true)), true)[None]
    losses = _losses(grid, true)
    as_good = np.flatnonzero(losses <= losses.min() + _GAIN)
    return grid[as_good[np.argmin((grid[as_good] ** 2).sum(axis=1))]] / STEPS


def weights_near(start: Doubles, true: Doubles) -> Doubles:
    """(M,) where a walk ends that begins at (M,) weights of the grid; where nothing gains it stays there."""
    return _walk(np.rint(start * STEPS).astype(np.int64), true) / STEPS


def _points(members: int) -> int:
    """Points of the grid: ways to give STEPS steps to M members."""
    return int(np.prod([(STEPS + i) / i for i in range(1, members)]) + 0.5)


def _grid(members: int) -> Integers:
    """(points, M) steps of each member, summing to STEPS."""
    bars = np.array(list(combinations(range(STEPS + members - 1), members - 1)), dtype=np.int64)
    edges = np.pad(bars.reshape(len(bars), members - 1), ((0, 0), (1, 1)), constant_values=((0, 0), (-1, 0)))
    edges[:, -1] = STEPS + members - 1
    return np.diff(edges, axis=1) - 1


def _even(members: int) -> Integers:
    """(M,) as equal as the grid allows."""
    at = np.full(members, STEPS // members)
    at[: STEPS % members] += 1
    return at


def _walk(at: Integers, true: Doubles) -> Integers:
    """(M,) where a walk ends, in the direction that gains most at each step."""
    loss = _losses(at[None], true)[0]
    while True:
        moves = np.array(list(_moves(at))).reshape(-1, len(at))
        losses = _losses(moves, true)
        if not len(moves) or losses.min() >= loss - _GAIN:
            return at
        at, loss = moves[losses.argmin()], losses.min()


def _moves(at: Integers) -> Iterator[Integers]:
    """Every point one step away."""
    for giver in np.flatnonzero(at).tolist():
        for taker in range(len(at)):
            if taker != giver:
                moved = at.copy()
                moved[giver], moved[taker] = moved[giver] - 1, moved[taker] + 1
                yield moved


def _losses(grid: Integers, true: Doubles) -> Doubles:
    """(points,) mean negative log-likelihood in nats."""
    chunk = max(1, _CELLS_AT_ONCE // max(1, true.shape[1]))
    parts = [grid[start : start + chunk] / STEPS @ true for start in range(0, len(grid), chunk)]
    return np.concatenate([np.zeros(0), *(-np.log(np.maximum(part, _LEAST)).mean(axis=1) for part in parts)])
