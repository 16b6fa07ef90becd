"""The Brier score and what it is made of.

Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review 1950: squared distances are
summed over the classes, so it is 0 to 2 where they exclude each other. Murphy, A New Vector Partition of the
Probability Score, Journal of Applied Meteorology 1973; what binning adds to it is told by Stephenson, Coelho and
Jolliffe, Two Extra Components in the Brier Score Decomposition, Weather and Forecasting 2008.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.calibration import BINS
from sfumato.metrics.classwise import classwise_cells
from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BrierParts:
    """Brier = reliability - resolution + uncertainty + within; each summed over the classes."""

    reliability: float
    """Squared distance between probability and share, 0 is best: what calibration can mend."""
    resolution: float
    """How far the shares in the bins lie from that of all samples, more is better: what the model knows."""
    uncertainty: float
    """The score of one that knows only how frequent each class is; a property of the data."""
    within: float
    """What is left inside the bins; exactly 0 where each bin holds one probability."""

    @property
    def score(self) -> float:
        """The Brier score."""
        return self.reliability - self.resolution + self.uncertainty + self.within


def brier_scores(probabilities: Floats, there: NDArray[np.bool_]) -> Floats:
    """(N,) score of each sample, from (N, C) probabilities and whether it is of each class, all known; 0 is best."""
    refuse_not_finite(probabilities=probabilities)
    gap = probabilities - there
    return np.einsum("nc,nc->n", gap, gap)


def brier_parts(probabilities: Floats, there: NDArray[np.bool_], bins: int = BINS) -> BrierParts:
    """The parts of the mean score, over equal-width bins of each class's probability. No sample gives 0 of each.

    Args:
        probabilities: (N, C).
        there: (N, C) whether each sample is of each class.
        bins: How many a class.
    """
    refuse_not_finite(probabilities=probabilities)
    samples, classes = probabilities.shape
    cells, total = classwise_cells(probabilities, bins).ravel(), max(1, samples)
    count, forecast, happened = (
        np.bincount(cells, weights=of, minlength=bins * classes)
        for of in (np.ones(cells.size), probabilities.ravel(), there.ravel())
    )
    mean, share = forecast / np.maximum(1, count), happened / np.maximum(1, count)
    f, o = probabilities.ravel() - mean[cells], there.ravel() - share[cells]
    murphy = murphy_parts(*(of.reshape(classes, bins).astype(np.float64) for of in (count, forecast, happened)))
    return BrierParts(*murphy, float((f * f - 2 * f * o).sum() / total))


def murphy_parts(count: Floats, forecast: Floats, happened: Floats) -> tuple[float, float, float]:
    """Reliability, resolution and uncertainty of (C, bins) samples, sum of probabilities and members in each bin."""
    filled, total = np.maximum(1, count), np.maximum(1, count.sum(axis=1, keepdims=True))
    mean, share, base = forecast / filled, happened / filled, happened.sum(axis=1, keepdims=True) / total
    reliability, resolution = (count / total * (mean - share) ** 2).sum(), (count / total * (share - base) ** 2).sum()
    return float(reliability), float(resolution), float((base * (1 - base)).sum())
