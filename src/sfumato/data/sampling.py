"""Which samples each step sees: a pure function of (seed, epoch, step), so that a run can go on from any of them."""

import numpy as np
from numpy.typing import NDArray

from sfumato.data.randomness import generator

Integers = NDArray[np.int64]


def class_weights(counts: Integers, power: float) -> NDArray[np.float64]:
    """(C,) chance of drawing each class, summing to 1: proportional to n ** (1 - power); 0 for a class without sample.

    power 0 = natural, 0.5 = square root, 1 = balanced.
    """
    n = counts.astype(np.float64)
    mass = np.where(counts > 0, np.maximum(n, 1.0) ** (1.0 - power), 0.0)
    return mass / mass.sum()


def epoch_order(targets: Integers, power: float, seed: int, epoch: int) -> Integers:
    """(N,) rows in the order the epoch draws them.

    With power 0 every row comes once. Else each row's expected count is N * w_i, w_i proportional to
    1 / n_class ** power, and systematic sampling draws it the next whole number below or above that: the expectation
    of drawing with replacement at a fraction of its variance.
    """
    rng = generator(seed, "order", epoch)
    if power == 0:
        return rng.permutation(len(targets))
    counts = np.bincount(targets)
    chance = (class_weights(counts, power) / np.maximum(counts, 1))[targets]
    shuffled = rng.permutation(len(targets))
    ticks = (np.arange(len(targets)) + rng.random()) / len(targets)
    edges = np.cumsum(chance[shuffled])
    drawn = shuffled[np.minimum(np.searchsorted(edges, ticks), len(targets) - 1)]
    return rng.permutation(drawn)


def steps_in_epoch(samples: int, batch_size: int) -> int:
    """Whole batches only, since a batch of one or two would unsettle batch statistics; at least one, maybe smaller."""
    return max(1, samples // batch_size)


def occurrence(order: Integers) -> Integers:
    """(N,) how often each drawn row was drawn before in the same epoch: 0 for its first time."""
    by_row = np.argsort(order, kind="stable")
    _, first, count = np.unique(order[by_row], return_index=True, return_counts=True)
    result = np.empty_like(order)
    result[by_row] = np.arange(len(order)) - np.repeat(first, count)
    return result
