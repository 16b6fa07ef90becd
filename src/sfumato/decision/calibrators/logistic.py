"""Logistic regression of a few features on many samples: Newton's method, exact to rounding in some ten steps."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.calibrators.one_vs_rest import sigmoid

Floats = NDArray[np.float64]

_STEPS = 50
_HALVINGS = 30
_GAIN = 1e-12
"""Mean loss that a step must promise, in nats, to be worth taking."""


def platt_targets(there: NDArray[np.bool_]) -> Floats:
    """(N,) targets (n+ + 1) / (n+ + 2) of the samples of a class and 1 / (n- + 2) of the others.

    Platt, Probabilistic Outputs for Support Vector Machines, 1999, section 2.2. None is 0 or 1, so that the fit is
    finite where a score tells the class perfectly.
    """
    positives = int(there.sum())
    return np.where(there, (positives + 1) / (positives + 2), 1 / (len(there) - positives + 2))


def fit_logistic(features: Floats, targets: Floats) -> Floats:
    """(P,) coefficients of least cross-entropy of sigmoid(features @ coefficients) from the targets.

    Args:
        features: (N, P), N at least 1; a constant is a feature of ones.
        targets: (N,) probabilities, none 0 or 1.
    """
    found: Floats = np.zeros(len(features.T))
    eta: Floats = np.zeros(len(features))
    for _ in range(_STEPS):
        p = sigmoid(eta)
        slope = features.T @ (targets - p) / len(p)
        curvature = (features.T * (p * (1 - p))) @ features / len(p)
        step = _newton(curvature, slope)
        if not np.isfinite(step).all() or slope @ step < _GAIN:
            break
        step = _descending(features, targets, eta, step)
        found, eta = found + step, eta + features @ step
    return found


def fit_rising(features: Floats, targets: Floats) -> Floats:
    """The same with no coefficient below 0 but the last one, that of the constant.

    What would be negative is left out and the rest fitted again, as Kull et al. do (Beta Calibration, 2017, section 4):
    a class whose scores fall where it becomes likelier has said nothing that a few samples should turn round.
    """
    kept = np.ones(features.shape[1], dtype=bool)
    while True:
        found = np.zeros(len(kept))
        found[kept] = fit_logistic(features[:, kept], targets)
        wrong = found[:-1] < 0
        if not wrong.any():
            return found
        kept[int(np.argmin(found[:-1]))] = False


def _newton(curvature: Floats, slope: Floats) -> Floats:
    """The step to the minimum of the parabola; where features hide each other, the shortest such step."""
    return cast(Floats, np.linalg.lstsq(curvature, slope)[0])


def _descending(features: Floats, targets: Floats, eta: Floats, step: Floats) -> Floats:
    """The step, halved until the loss does not rise."""
    before, move = _loss(eta, targets), features @ step
    for _ in range(_HALVINGS):
        if _loss(eta + move, targets) <= before:
            return step
        step, move = step / 2, move / 2
    return np.zeros_like(step)


def _loss(eta: Floats, targets: Floats) -> float:
    return float((np.maximum(eta, 0) + np.log1p(np.exp(-np.abs(eta))) - targets * eta).mean())
