"""Beta calibration: a curve a class that the logistic one is a case of, and the identity too.

Kull, Silva Filho and Flach, Beta Calibration: a Well-Founded and Easily Implemented Improvement on Logistic Calibration
for Binary Classifiers, AISTATS 2017: log-odds are a log p - b log(1 - p) + c. Of (1, 1, 0) it is the identity, of
(a, a, c) Platt's.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.calibrators.known_answers import by_class, support, too_few
from sfumato.decision.calibrators.logistic import fit_rising, platt_targets
from sfumato.decision.calibrators.one_vs_rest import (
    Count,
    check_lengths,
    log_odds,
    log_sigmoid,
    probabilities,
)
from sfumato.decision.calibrators.shared_slope import STEEPEST, fit_shared_slope
from sfumato.decision.shrinkage import SHRINKAGE, trust
from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.membership import Truth, members
from sfumato.stored import stored

Floats = NDArray[np.float64]
Exponent = Annotated[float, Field(ge=0)]

LEAST_SAMPLES = 100
"""Below this many validation samples nothing is fitted."""


@stored
@dataclass(frozen=True)
class Beta:
    """Log-odds become a log p - b log(1 - p) + c; where classes exclude each other rows are made to sum to 1."""

    a: tuple[Exponent, ...]
    """C numbers, shrunk: how much a small p counts."""
    b: tuple[Exponent, ...]
    """C numbers, shrunk: how much a p near 1 counts."""
    c: tuple[float, ...]
    """C numbers, shrunk; in nats."""
    counts: tuple[Count, ...]
    """C numbers of validation samples, fitted or not."""
    exclusive: bool
    samples: Count = 0
    """Validation samples it was fitted on; 0 = not fitted, the identity."""
    kind: Literal["beta"] = "beta"

    def __post_init__(self) -> None:
        check_lengths(a=self.a, b=self.b, c=self.c, counts=self.counts)

    @property
    def fitted(self) -> bool:
        """Whether the probabilities are calibrated at all."""
        return self.samples > 0

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities from (N, C) logits."""
        refuse_not_finite(logits=logits)
        scores = log_odds(logits, self.exclusive)
        log_p = log_sigmoid(scores)
        log_rest = log_p - scores
        return probabilities(np.array(self.a) * log_p - np.array(self.b) * log_rest + np.array(self.c), self.exclusive)


def fit_beta(logits: NDArray[np.floating], truth: Truth, shrinkage: float = SHRINKAGE) -> Beta:
    """(a, b, c) a class, of least cross-entropy from Platt's targets with a and b not below 0, then shrunk.

    Those of a class with n samples are n / (n + shrinkage) its own; the rest is (1 / T, 1 / T, 0) with the T that all
    classes share. Fewer than LEAST_SAMPLES samples leave the scores as they are.

    Args:
        logits: (N, C).
        truth: As in `metrics.membership`; what is not known of a sample fits nothing.
        shrinkage: k, at least 0.
    """
    refuse_not_finite(logits=logits)
    classes, exclusive = logits.shape[1], truth.ndim == 1
    counts = members(truth, classes).sum(axis=0)
    ones, said = (1.0,) * classes, tuple(counts.tolist())
    if too_few(truth, classes, LEAST_SAMPLES):
        return Beta(ones, ones, (0.0,) * classes, said, exclusive)
    scores = log_odds(logits, exclusive)
    own = np.array(by_class(scores, truth, _curve, unknown=np.zeros(3)))
    slope = fit_shared_slope(scores, truth)
    weight = trust(support(truth, classes, LEAST_SAMPLES), shrinkage)[:, None]
    a, b, c = (weight * own + (1 - weight) * np.array([slope, slope, 0.0])).T
    return Beta(tuple(a.tolist()), tuple(b.tolist()), tuple(c.tolist()), said, exclusive, len(truth))


def _curve(scores: Floats, there: NDArray[np.bool_]) -> Floats:
    """(3,) a, b and c of one class."""
    features = np.stack([log_sigmoid(scores), -log_sigmoid(-scores), np.ones(len(scores))], axis=1)
    found = fit_rising(features, platt_targets(there))
    return np.append(np.minimum(found[:2], STEEPEST), found[2])
