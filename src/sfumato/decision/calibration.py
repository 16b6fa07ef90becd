"""Temperature scaling: one number that makes a model as sure as it is right.

Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2. It never changes which class is named.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_SAMPLES = 20
"""Below this many validation samples no temperature is fitted: its own error would exceed what it mends."""
_COLDEST, _HOTTEST = 0.01, 100.0


@dataclass(frozen=True)
class Temperature:
    """Probabilities are softmax(logits / value); above 1 it makes the model less sure."""

    value: float = 1.0
    samples: int = 0
    """Validation samples it was fitted on; 0 = not fitted, the value is 1."""

    @property
    def fitted(self) -> bool:
        """Whether the probabilities are calibrated at all."""
        return self.samples > 0

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities, each row summing to 1, from (N, C) logits."""
        z = logits.astype(np.float64) / self.value
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)


UNFITTED = Temperature()
"""Plain softmax."""


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> Temperature:
    """The temperature of least negative log-likelihood on (N, C) logits and (N,) class indices.

    The likelihood is concave in 1 / T; its slope, E_p[z] - z_y averaged over samples, is bisected on log T.
    Fewer than LEAST_SAMPLES samples give the unfitted temperature 1.
    """
    if len(truth) < LEAST_SAMPLES:
        return UNFITTED
    z = logits.astype(np.float64)
    true_score = z[np.arange(len(truth)), truth].mean()

    def overconfident(value: float) -> bool:
        p = Temperature(value).probabilities(z)
        return bool((p * z).sum(axis=1).mean() > true_score)

    low, high = np.log(_COLDEST), np.log(_HOTTEST)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if overconfident(float(np.exp(middle))) else (low, middle)
    return Temperature(float(np.exp((low + high) / 2)), len(truth))
