"""Per-class temperature: each class has its own factor of sureness.

Where a sample may be of several classes, a class's probability is a rising function of its own logit, so its average
precision, and its F1 at the best threshold, stay what they were: it makes probabilities honest, not rankings better.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.calibration import fit_temperature
from sfumato.decision.calibrators.known_answers import by_class, support, too_few
from sfumato.decision.calibrators.logistic import fit_logistic, platt_targets
from sfumato.decision.calibrators.one_vs_rest import Count, check_lengths, sigmoid, softmax
from sfumato.decision.calibrators.shared_slope import bounded, fit_shared_slope
from sfumato.decision.calibrators.softmax_fit import centred, fit_softmax
from sfumato.decision.shrinkage import SHRINKAGE, trust
from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.membership import Truth, members
from sfumato.stored import stored

Floats = NDArray[np.float64]

LEAST_SAMPLES = 50
"""Below this many validation samples nothing is fitted."""


@stored
@dataclass(frozen=True)
class ClassTemperature:
    """Probabilities are sigmoid(logits / values), or softmax(logits / values) where classes exclude each other."""

    values: tuple[Annotated[float, Field(gt=0)], ...]
    """C temperatures, shrunk; above 1 = less sure."""
    counts: tuple[Count, ...]
    """C numbers of validation samples, fitted or not."""
    exclusive: bool
    samples: Count = 0
    """Validation samples it was fitted on; 0 = not fitted, every value is 1."""
    kind: Literal["class_temperature"] = "class_temperature"

    def __post_init__(self) -> None:
        check_lengths(values=self.values, counts=self.counts)

    @property
    def fitted(self) -> bool:
        """Whether the probabilities are calibrated at all."""
        return self.samples > 0

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities from (N, C) logits."""
        refuse_not_finite(logits=logits)
        values = np.array(self.values)
        return softmax(centred(logits) / values) if self.exclusive else sigmoid(logits.astype(np.float64) / values)


def fit_class_temperature(logits: NDArray[np.floating], truth: Truth, shrinkage: float = SHRINKAGE) -> ClassTemperature:
    """A temperature a class, each of least cross-entropy with softened targets, then shrunk.

    log T of a class with n samples is n / (n + shrinkage) its own and else that of the temperature all share. Where
    classes exclude each other all are fitted at once, on logits less their mean over the classes: a constant added to
    a row means as little as it does to a softmax. Fewer than LEAST_SAMPLES samples give all 1.

    Args:
        logits: (N, C).
        truth: As in `metrics.membership`; what is not known of a sample fits nothing.
        shrinkage: k, at least 0.
    """
    refuse_not_finite(logits=logits)
    classes, exclusive = logits.shape[1], truth.ndim == 1
    counts = members(truth, classes).sum(axis=0)
    if too_few(truth, classes, LEAST_SAMPLES):
        return ClassTemperature((1.0,) * classes, tuple(counts.tolist()), exclusive)
    own, shared = _exclusive(logits, truth) if exclusive else _independent(logits, truth)
    weight = trust(support(truth, classes, LEAST_SAMPLES), shrinkage)
    values = np.exp(weight * np.log(own) + (1 - weight) * np.log(shared))
    return ClassTemperature(tuple(values.tolist()), tuple(counts.tolist()), exclusive, len(truth))


def _exclusive(logits: NDArray[np.floating], truth: Truth) -> tuple[Floats, float]:
    shared = fit_temperature(logits, truth.astype(np.int64)).value
    return 1 / fit_softmax(logits, truth.astype(np.int64), 1 / shared, biased=False)[0], shared


def _independent(logits: NDArray[np.floating], truth: Truth) -> tuple[Floats, float]:
    z = logits.astype(np.float64)
    own = np.array(by_class(z, truth, _slope, unknown=1.0))
    return 1 / own, 1 / fit_shared_slope(z, truth)


def _slope(scores: Floats, there: NDArray[np.bool_]) -> float:
    return bounded(float(fit_logistic(scores[:, None], platt_targets(there))[0]))
