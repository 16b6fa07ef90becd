"""The one number that all classes share: what a rare class is calibrated by, and each class shrunk towards."""

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.calibrators.logistic import fit_logistic
from sfumato.metrics.membership import Truth, answered, members

Floats = NDArray[np.float64]

FLATTEST, STEEPEST = 0.01, 100.0
"""Bounds of 1 / T."""


def fit_shared_slope(log_odds: Floats, truth: Truth) -> float:
    """1 / T of least cross-entropy of sigmoid(log-odds / T), over all classes and samples at once.

    Targets are softened as for a temperature: by 1 / (n + 2), of a class of which n samples have a known answer.

    Args:
        log_odds: (N, C) of each class against the rest, N at least 1.
        truth: As in `metrics.membership`; something of it is known.
    """
    there, known = (of(truth, log_odds.shape[1]) for of in (members, answered))
    rest: Floats = 1 / (known.sum(axis=0) + 2)
    targets: Floats = np.where(there, 1 - rest, rest)
    return bounded(float(fit_logistic(log_odds[known].reshape(-1, 1), targets[known])[0]))


def bounded(slope: float) -> float:
    """The slope within FLATTEST and STEEPEST; as the loss is convex, the best that lies there."""
    return min(max(slope, FLATTEST), STEEPEST)
