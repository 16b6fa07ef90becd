"""Factors, and constants, of logits under which the softmax has least cross-entropy: a convex problem, solved whole."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.calibration import soft_targets
from sfumato.decision.calibrators.one_vs_rest import softmax
from sfumato.decision.calibrators.shared_slope import FLATTEST, STEEPEST

Floats = NDArray[np.float64]


def centred(logits: NDArray[np.floating]) -> Floats:
    """(N, C) logits less the mean of their row, of which a softmax is the same."""
    z = logits.astype(np.float64)
    return z - z.mean(axis=1, keepdims=True)


def fit_softmax(
    logits: NDArray[np.floating], truth: NDArray[np.int64], start: float, *, biased: bool
) -> tuple[Floats, Floats]:
    """The best (C,) factors, FLATTEST to STEEPEST, and (C,) constants, of mean 0: of factors * logits + constants.

    Args:
        logits: (N, C), N at least 1, C at least 2.
        truth: (N,) class indices, all of them known.
        start: Factor of all classes to begin with.
        biased: Whether there are constants; else they are 0.
    """
    from scipy.optimize import minimize

    z, targets, classes = centred(logits), soft_targets(truth, logits.shape[1]), logits.shape[1]

    def loss(x: Floats) -> tuple[float, Floats]:
        scores = z * x[:classes] + (x[classes:] if biased else 0.0)
        p = softmax(scores)
        top = scores.max(axis=1)
        total = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
        off = (p - targets) / len(z)
        slope = np.concatenate([np.einsum("nc,nc->c", off, z), off.sum(axis=0)]) if biased else (off * z).sum(axis=0)
        return float((total - (targets * scores).sum(axis=1)).mean()), slope

    first = np.concatenate([np.full(classes, start), np.zeros(classes if biased else 0)])
    bounds = [(FLATTEST, STEEPEST)] * classes + [(None, None)] * (len(first) - classes)
    options = {"maxiter": 500, "ftol": 1e-12, "gtol": 1e-8}
    x = cast(Any, minimize)(loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    constants = x[classes:] - x[classes:].mean() if biased else np.zeros(classes)
    return cast(Floats, x[:classes]), cast(Floats, constants)
