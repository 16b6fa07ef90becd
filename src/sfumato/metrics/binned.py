"""Sums over bins of probability, by blocks of samples: what binned scores of great tables are resampled from.

Resampling N samples one by one costs N times C a resample. Dealt out at random into at most BLOCKS blocks, whole blocks
are resampled instead: sums vary as they would, at a cost that does not depend on N. Few samples are a block each.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.calibration import BINS
from sfumato.metrics.classwise import classwise_cells
from sfumato.metrics.intervals import RESAMPLES, Interval, percentiles
from sfumato.metrics.resampling import resample

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
        forecast: (N, C) what is summed in the bins that the probabilities say; None = they themselves.
        known: (N, C) whether it is known of a sample if it is of a class; what is not is in no bin. None = all is.
    """

    def __init__(
        self,
        probabilities: Floats,
        there: NDArray[np.bool_],
        groups: Integers | None = None,
        forecast: Floats | None = None,
        known: NDArray[np.bool_] | None = None,
    ) -> None:
        block = _blocks(len(there), groups)
        self._blocks, self._classes = int(block.max(initial=-1)) + 1, len(probabilities.T)
        width = self._classes * BINS
        cells = (classwise_cells(probabilities) + block[:, None] * width).ravel()
        said = probabilities if forecast is None else forecast
        counted = np.ones(cells.size) if known is None else known.ravel().astype(np.float64)
        of = (counted, said.ravel() * counted, there.ravel())
        size = self._blocks * width
        self._sums = np.stack([np.bincount(cells, weights=one, minlength=size)[:size] for one in of]).reshape(
            3, self._blocks, width
        )

        self._draws: Floats | None = None

    def interval(self, statistic: Statistic, *, biased: bool = False) -> Interval:
        """Interval of a statistic; `biased` as in `sample_interval`. Of great tables it has fewer resamples."""
        value = statistic(*self._sums.sum(axis=1).reshape(3, self._classes, BINS))
        if not self._blocks:
            return Interval(value, value, value)
        draws = np.array([statistic(*one) for one in self._resampled()])
        return percentiles(value, np.maximum(0, draws - (draws.mean() - value)) if biased else draws)

    def _resampled(self) -> Floats:
        """(R, 3, C, BINS) sums of each resample, the same ones for every statistic."""
        if self._draws is None:
            resamples = int(np.clip(_WORK // max(1, self._sums[0].size), _LEAST_RESAMPLES, RESAMPLES))
            times = resample(self._blocks, None, 1, resamples).drawn.T
            self._draws = np.stack([times @ one for one in self._sums], axis=1)
        return self._draws.reshape(-1, 3, self._classes, BINS)


def _blocks(samples: int, groups: Integers | None, seed: int = 0) -> Integers:
    """(N,) number of the block of each sample; blocks are as many as there are groups, at most BLOCKS."""
    units = np.arange(samples) if groups is None else np.unique(groups, return_inverse=True)[1]
    dealt = np.random.default_rng(seed).permutation(int(units.max(initial=-1)) + 1) % BLOCKS
    return dealt[units]
