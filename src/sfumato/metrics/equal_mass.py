"""Calibration error over bins of equally many samples, which has no empty bins where a model is mostly sure.

Nguyen and O'Connor, Posterior Calibration and Exploratory Analysis for Natural Language Processing Models, EMNLP 2015;
the adaptive error of Nixon et al., Measuring Calibration in Deep Learning, CVPR workshops 2019.
"""

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.calibration import BINS
from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]


def equal_mass_error(confidence: Floats, correct: NDArray[np.bool_], bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy over bins of equally many samples; 0 to 1.

    Samples of equal confidence share a bin, so their order means nothing. No sample gives 0.

    Args:
        confidence: (N,) top-class probabilities.
        correct: (N,) whether each answer was right.
        bins: How many; at most N hold a sample.
    """
    refuse_not_finite(confidence=confidence)
    if not len(confidence):
        return 0.0
    ends = np.ceil(len(confidence) * np.arange(1, bins) / bins).astype(np.int64) - 1
    place = np.searchsorted(np.sort(confidence)[ends], confidence, side="left")
    return float(np.abs(np.bincount(place, weights=confidence - correct)).sum() / len(confidence))
