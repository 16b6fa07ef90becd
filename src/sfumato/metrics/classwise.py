"""Class-wise calibration error: whether every probability is honest, not only that of the answer.

Kull et al., Beyond Temperature Scaling: Obtaining Well-Calibrated Multiclass Probabilities with Dirichlet Calibration,
NeurIPS 2019, eq. 2.
"""

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.calibration import BINS
from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]


def classwise_errors(probabilities: Floats, there: NDArray[np.bool_], bins: int = BINS) -> Floats:
    """(C,) mean distance between a class's probability and its share, over equal-width bins; each 0 to 1.

    Args:
        probabilities: (N, C).
        there: (N, C) whether each sample is of each class.
        bins: How many a class.
    """
    refuse_not_finite(probabilities=probabilities)
    classes, cells = len(probabilities.T), classwise_cells(probabilities, bins)
    sums = np.bincount(cells.ravel(), weights=(probabilities - there).ravel(), minlength=classes * bins)
    return np.abs(sums).reshape(classes, bins).sum(axis=1) / max(1, len(there))


def classwise_error(probabilities: Floats, there: NDArray[np.bool_], bins: int = BINS) -> float:
    """Their mean over the classes; 0 to 1. Of many classes it is small, as most of their probabilities are near 0."""
    return float(classwise_errors(probabilities, there, bins).mean())


def classwise_cells(probabilities: Floats, bins: int = BINS) -> NDArray[np.int64]:
    """(N, C) number of the bin and class that each probability falls in, bins of the first class first."""
    place = np.clip(np.ceil(probabilities * bins).astype(np.int64) - 1, 0, bins - 1)
    return place + bins * np.arange(len(probabilities.T))
