"""Vector scaling: a factor and a constant a class, of classes that exclude each other.

Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.calibration import fit_temperature
from sfumato.decision.calibrators.one_vs_rest import Count, check_lengths, softmax
from sfumato.decision.calibrators.softmax_fit import centred, fit_softmax
from sfumato.decision.shrinkage import SHRINKAGE, trust
from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import stored

Floats = NDArray[np.float64]

LEAST_SAMPLES = 100
"""Below this many validation samples nothing is fitted."""


@stored
@dataclass(frozen=True)
class VectorScaling:
    """Probabilities are softmax(factors * logits + constants), the logits less their mean over the classes.

    It may change which class is named; where constants stay near 0 it seldom does.
    """

    factors: tuple[Annotated[float, Field(gt=0)], ...]
    """C numbers, shrunk; below 1 = less sure."""
    constants: tuple[float, ...]
    """C numbers, shrunk; in nats."""
    counts: tuple[Count, ...]
    """C numbers of validation samples, fitted or not."""
    samples: Count = 0
    """Validation samples it was fitted on; 0 = not fitted, a plain softmax."""
    kind: Literal["vector_scaling"] = "vector_scaling"

    def __post_init__(self) -> None:
        check_lengths(factors=self.factors, constants=self.constants, counts=self.counts)

    @property
    def fitted(self) -> bool:
        """Whether the probabilities are calibrated at all."""
        return self.samples > 0

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities, each row summing to 1, from (N, C) logits."""
        refuse_not_finite(logits=logits)
        return softmax(centred(logits) * np.array(self.factors) + np.array(self.constants))


def fit_vector_scaling(
    logits: NDArray[np.floating], truth: NDArray[np.int64], shrinkage: float = SHRINKAGE
) -> VectorScaling:
    """Factors and constants of least cross-entropy with softened targets, then shrunk.

    Those of a class with n samples are n / (n + shrinkage) its own; the rest is the shared 1 / T and no constant.
    Fewer than LEAST_SAMPLES samples give the plain softmax.

    Args:
        logits: (N, C).
        truth: (N,) class indices, all of them known.
        shrinkage: k, at least 0.
    """
    refuse_not_finite(logits=logits)
    classes = logits.shape[1]
    counts = np.bincount(truth, minlength=classes)
    said = tuple(counts.tolist())
    if len(truth) < LEAST_SAMPLES:
        return VectorScaling((1.0,) * classes, (0.0,) * classes, said)
    slope = 1 / fit_temperature(logits, truth).value
    factors, constants = fit_softmax(logits, truth, slope, biased=True)
    weight = trust(counts, shrinkage)
    middle = (weight * constants).sum() / max(weight.sum(), 1e-9)  # a constant of all classes says nothing
    kept = weight * factors + (1 - weight) * slope
    return VectorScaling(tuple(kept.tolist()), tuple((weight * (constants - middle)).tolist()), said, len(truth))
