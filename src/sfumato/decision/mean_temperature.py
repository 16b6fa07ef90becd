"""The temperature of an average: one number under which the mean of several views is likeliest.

Shapes: V views, N samples, C classes.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.averaging import log_mean
from sfumato.decision.calibration import LEAST_SAMPLES, UNFITTED, Temperature, fit_temperature, soft_targets
from sfumato.metrics.finite import refuse_not_finite

_COLDEST, _HOTTEST = math.log(0.01), math.log(100)
_COARSE, _FINE = 32, 25
_GOLDEN = (5**0.5 - 1) / 2


def fit_mean_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> Temperature:
    """The temperature of least cross-entropy of the mean over V of softmax(z / T), on (V, N, C) and (N,).

    Targets are softened, and fewer than LEAST_SAMPLES samples give 1, as `fit_temperature`, which it is for one view.
    Of several, the cross-entropy need not be convex: the best of log-spaced temperatures from 0.01 to 100 is refined
    between its neighbours by golden sections (Kiefer 1953).
    """
    refuse_not_finite(logits=logits)
    if len(logits) == 1:
        return fit_temperature(logits[0], truth)
    if len(truth) < LEAST_SAMPLES:
        return UNFITTED
    z, targets = logits.astype(np.float64), soft_targets(truth, logits.shape[2])

    def loss(log_value: float) -> float:
        return float(-(targets * log_mean(z / math.exp(log_value))).sum())

    step = (_HOTTEST - _COLDEST) / _COARSE
    best = min((_COLDEST + step * place for place in range(_COARSE + 1)), key=loss)
    low, high = max(_COLDEST, best - step), min(_HOTTEST, best + step)
    for _ in range(_FINE):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return Temperature(math.exp((low + high) / 2), len(truth))
