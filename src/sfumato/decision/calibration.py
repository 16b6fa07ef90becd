"""Temperature scaling: one number that makes a model as sure as it is right.

Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2. It never changes which class is named.
Its targets are softened as in Platt, Probabilistic Outputs for Support Vector Machines, 1999, section 2.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import stored

Floats = NDArray[np.float64]

LEAST_SAMPLES = 20
"""Below this many validation samples no temperature is fitted: its own error would exceed what it mends."""
_COLDEST, _HOTTEST = 0.01, 100.0


@stored
@dataclass(frozen=True)
class Temperature:
    """Probabilities are softmax(logits / value); above 1 it makes the model less sure."""

    kind: ClassVar = "temperature"  # not stored: bundles have held temperatures since there was no other calibrator
    value: Annotated[float, Field(gt=0)] = 1.0
    samples: Annotated[int, Field(ge=0)] = 0
    """Validation samples it was fitted on; 0 = not fitted, the value is 1."""

    @property
    def fitted(self) -> bool:
        """Whether the probabilities are calibrated at all."""
        return self.samples > 0

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities, each row summing to 1, from (N, C) logits."""
        refuse_not_finite(logits=logits)
        z = logits.astype(np.float64) / self.value
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)


UNFITTED = Temperature()
"""Plain softmax."""


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> Temperature:
    """The temperature of least cross-entropy with softened targets, on (N, C) logits and (N,) class indices.

    Where every answer is right, plain likelihood would have a temperature of 0 and total certainty. So the true class
    gets 1 - 1 / (N + 2) and the others share the rest: Platt's targets, the posterior mean under a uniform prior after
    N samples of which none was wrong. With many samples they make no difference.

    The cross-entropy is convex in 1 / T; its slope, the difference of the mean score under the targets and under the
    probabilities, is bisected on log T. Fewer than LEAST_SAMPLES samples give the unfitted temperature 1.
    """
    refuse_not_finite(logits=logits)
    if len(truth) < LEAST_SAMPLES:
        return UNFITTED
    z = logits.astype(np.float64)
    wanted_score = (soft_targets(truth, z.shape[1]) * z).sum(axis=1).mean()

    def overconfident(value: float) -> bool:
        p = Temperature(value).probabilities(z)
        return bool((p * z).sum(axis=1).mean() > wanted_score)

    low, high = np.log(_COLDEST), np.log(_HOTTEST)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if overconfident(float(np.exp(middle))) else (low, middle)
    return Temperature(float(np.exp((low + high) / 2)), len(truth))


def soft_targets(truth: NDArray[np.int64], classes: int) -> Floats:
    """(N, C) probabilities that N class indices are fitted to, C at least 2; each row sums to 1."""
    rest = 1 / (len(truth) + 2)
    targets = np.full((len(truth), classes), rest / (classes - 1))
    targets[np.arange(len(truth)), truth] = 1 - rest
    return targets
