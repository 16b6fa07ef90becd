"""Which samples each step sees: a pure function of (seed, epoch, step), so that a run can go on from any of them."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.data.randomness import generator

Integers = NDArray[np.int64]
SamplerMix = Literal["power", "distribution", "class_share"]


def draw_chances(counts: Integers, power: float, mix: SamplerMix = "power") -> NDArray[np.float64]:
    """(C,) chance of drawing each class, summing to 1; 0 for a class without sample.

    At power 0 the chances are natural, at 1 balanced. Between, `power` draws each image by 1 / n^power (0.5 = square
    root sampling); `distribution` takes a balanced draw with chance `power`, else a natural one; `class_share` weighs
    each image by power * (1/n) / sum(1/n) + (1 - power), which is all but natural at once.
    """
    n, there = np.maximum(counts, 1).astype(np.float64), counts > 0
    if mix == "power":
        mass = n ** (1.0 - power)
    elif mix == "distribution":
        mass = power / there.sum() + (1.0 - power) * n / counts.sum()
    else:
        mass = n * (power * (1 / n) / (1 / n)[there].sum() + (1.0 - power))
    return np.where(there, mass, 0.0) / mass[there].sum()


def epoch_order(targets: Integers, power: float, seed: int, epoch: int, mix: SamplerMix = "power") -> Integers:
    """(N,) rows in the order the epoch draws them.

    With power 0 every row comes once. Else each row's expected count is N / n_class times the chance of its class by
    `draw_chances`, and systematic sampling draws it the next whole number below or above that: the expectation
    of drawing with replacement at a fraction of its variance. Rows of unknown class (a target below 0) have an expected
    count of 1, and the others share the rest.
    """
    rng = generator(seed, "order", epoch)
    if power == 0:
        return rng.permutation(len(targets))
    known = targets >= 0
    counts = np.bincount(targets[known])
    of_class = known.mean() * draw_chances(counts, power, mix) / np.maximum(counts, 1)
    chance = np.where(known, of_class[targets], 1 / len(targets))
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
