"""Resamples as numbers: how many times each sample is in each. So what was sorted once is not sorted again."""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.intervals import RESAMPLES

Integers = NDArray[np.int64]
Weights = NDArray[np.float64]

BLOCKS = 1000
MOST_UNITS = 10_000
WORK = 200_000_000
"""Units x classes x resamples that are counted one by one."""


@dataclass(frozen=True)
class Resamples:
    """R resamples of N samples, drawn unit by unit with replacement, as many units as there are."""

    unit: Integers
    """(N,) number of the unit each sample belongs to: itself, its group, or a block of either."""
    drawn: Weights
    """(U, R) times each unit is in each resample; whole numbers."""

    def sums(self, values: NDArray[np.generic]) -> Weights:
        """(R, ...) sums of (N, ...) values over each resample."""
        by_unit = self.by_unit(values)
        flat = by_unit.reshape(len(by_unit), prod(values.shape[1:]))
        return (self.drawn.T @ flat).reshape(-1, *values.shape[1:])

    def by_unit(self, values: NDArray[np.generic]) -> Weights:
        """(U, ...) sums of (N, ...) values over each unit."""
        flat = values.reshape(len(values), prod(values.shape[1:]))
        sums = [
            np.bincount(self.unit, weights=column.astype(np.float64), minlength=len(self.drawn)) for column in flat.T
        ]
        return np.stack(sums, axis=-1).astype(np.float64).reshape(len(self.drawn), *values.shape[1:])

    def means(self, values: NDArray[np.generic], inside: NDArray[np.bool_] | None = None) -> Weights:
        """(R,) means of (N,) values over each resample; of those `inside`, (N,), alone; nan where it has none."""
        if inside is None:
            return self.sums(values) / self.sums(np.ones(len(values)))
        sums, count = self.sums(np.where(inside, values, 0)), self.sums(inside)
        return np.divide(sums, count, out=np.full(len(count), np.nan), where=count > 0)


def resample(
    samples: int, groups: Integers | None, classes: int, resamples: int = RESAMPLES, seed: int = 0
) -> Resamples:
    """Draw resamples, the same ones as `intervals.sample_interval` with the same seed.

    Of very many units (MOST_UNITS, fewer if there are many classes) BLOCKS blocks are made by chance, which are
    resampled whole: the method of random groups (Wolter, Introduction to Variance Estimation, 2007, chapter 2). Blocks
    of samples vary among each other as their samples do, so the interval stays right; that there are but BLOCKS of
    them leaves its width uncertain by 2 %, about as much as 1,000 resamples do.

    Args:
        samples: N.
        groups: (N,) number of the group each sample belongs to, resampled whole; None = each is on its own.
        classes: C, of which each resample is counted.
        resamples: R.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    unit = np.arange(samples) if groups is None else np.unique(groups, return_inverse=True)[1]
    units = int(unit.max(initial=-1)) + 1
    if units > min(MOST_UNITS, max(BLOCKS, WORK // max(1, classes * resamples))):
        unit = (np.random.default_rng([seed, units]).permutation(units) % BLOCKS)[unit]
        units = BLOCKS
    drawn = np.zeros((resamples, units))
    for row in drawn:
        row[:] = np.bincount(rng.integers(0, units, units), minlength=units) if units else 0
    return Resamples(unit, np.ascontiguousarray(drawn.T))
