"""The one number that all classes share: what a rare class is calibrated by, and each class shrunk towards."""

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.calibrators.logistic import fit_logistic

Floats = NDArray[np.float64]

FLATTEST, STEEPEST = 0.01, 100.0
"""Bounds of 1 / T."""


def fit_shared_slope(log_odds: Floats, there: NDArray[np.bool_]) -> float:
    """1 / T of least cross-entropy of sigmoid(log-odds / T), over all classes and samples at once.

    Targets are softened as for a temperature: by 1 / (N + 2).

    Args:
        log_odds: (N, C) of each class against the rest, N at least 1.
        there: (N, C) whether each sample is of each class.
    """
    rest = 1 / (len(there) + 2)
    targets = np.where(there, 1 - rest, rest)
    return bounded(float(fit_logistic(log_odds.reshape(-1, 1), targets.ravel())[0]))


def bounded(slope: float) -> float:
    """The slope within FLATTEST and STEEPEST; as the loss is convex, the best that lies there."""
    return min(max(slope, FLATTEST), STEEPEST)
