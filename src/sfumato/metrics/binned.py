"""Sums over bins of probability, by blocks of samples: what binned scores of great tables are resampled from.

Resampling N samples one by one costs N times C a resample. Dealt out at random into at most BLOCKS blocks, whole blocks
are resampled instead: sums vary as they would, at a cost that does not depend on N. Few samples are a block each.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.calibration import BINS
from sfumato.metrics.classwise import classwise_cells
from sfumato.metrics.intervals import RESAMPLES, Interval, sample_interval

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Statistic = Callable[[Floats, Floats, Floats], float]
"""Of (C, BINS) samples, sum of probabilities and members in each bin."""

BLOCKS = 500
_WORK = 1_000_000_000
_LEAST_RESAMPLES = 100


class BinnedSums:
    """Of each block, class and bin: samples, sum of their probabilities, and how many are of the class.

    Args:
        probabilities: (N, C).
        there: (N, C) whether each sample is of each class.
        groups: (N,) number of the group each sample belongs to, which stays in one block; None = each is on its own.
    """

    def __init__(self, probabilities: Floats, there: NDArray[np.bool_], groups: Integers | None = None) -> None:
        block = _blocks(len(there), groups)
        self._blocks, self._classes = int(block.max(initial=-1)) + 1, len(probabilities.T)
        width = self._classes * BINS
        cells = (classwise_cells(probabilities) + block[:, None] * width).ravel()
        of = (np.ones(cells.size), probabilities.ravel(), there.ravel())
        size = self._blocks * width
        self._sums = np.stack([np.bincount(cells, weights=one, minlength=size)[:size] for one in of]).reshape(
            3, self._blocks, width
        )

    def interval(self, statistic: Statistic, *, biased: bool = False) -> Interval:
        """Interval of a statistic; `biased` as in `sample_interval`. Of great tables it has fewer resamples."""

        def of(rows: Integers) -> float:
            times = np.bincount(rows, minlength=self._blocks).astype(np.float64)
            count, forecast, happened = (times @ self._sums).reshape(3, self._classes, BINS)
            return statistic(count, forecast, happened)

        resamples = int(np.clip(_WORK // max(1, self._sums[0].size), _LEAST_RESAMPLES, RESAMPLES))
        return sample_interval(of, self._blocks, resamples=resamples, biased=biased)


def _blocks(samples: int, groups: Integers | None, seed: int = 0) -> Integers:
    """(N,) number of the block of each sample; blocks are as many as there are groups, at most BLOCKS."""
    units = np.arange(samples) if groups is None else np.unique(groups, return_inverse=True)[1]
    dealt = np.random.default_rng(seed).permutation(int(units.max(initial=-1)) + 1) % BLOCKS
    return dealt[units]
