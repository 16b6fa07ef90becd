"""Platt scaling: a logistic curve a class, of its log-odds against all others.

Platt, Probabilistic Outputs for Support Vector Machines, 1999, with the targets of its section 2.2.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.calibrators.known_answers import by_class, support, too_few
from sfumato.decision.calibrators.logistic import fit_rising, platt_targets
from sfumato.decision.calibrators.one_vs_rest import Count, check_lengths, log_odds, probabilities
from sfumato.decision.calibrators.shared_slope import STEEPEST, fit_shared_slope
from sfumato.decision.shrinkage import SHRINKAGE, trust
from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.membership import Truth, members
from sfumato.stored import stored

Floats = NDArray[np.float64]

LEAST_SAMPLES = 50
"""Below this many validation samples nothing is fitted."""


@stored
@dataclass(frozen=True)
class Platt:
    """Log-odds become slopes * log-odds + intercepts; where classes exclude each other rows are made to sum to 1."""

    slopes: tuple[Annotated[float, Field(ge=0)], ...]
    """C numbers, shrunk; 0 = the score says nothing of the class."""
    intercepts: tuple[float, ...]
    """C numbers, shrunk; in nats."""
    counts: tuple[Count, ...]
    """C numbers of validation samples, fitted or not."""
    exclusive: bool
    samples: Count = 0
    """Validation samples it was fitted on; 0 = not fitted, slopes are 1 and intercepts 0."""
    kind: Literal["platt"] = "platt"

    def __post_init__(self) -> None:
        check_lengths(slopes=self.slopes, intercepts=self.intercepts, counts=self.counts)

    @property
    def fitted(self) -> bool:
        """Whether the probabilities are calibrated at all."""
        return self.samples > 0

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities from (N, C) logits."""
        refuse_not_finite(logits=logits)
        scores = log_odds(logits, self.exclusive)
        return probabilities(scores * np.array(self.slopes) + np.array(self.intercepts), self.exclusive)


def fit_platt(logits: NDArray[np.floating], truth: Truth, shrinkage: float = SHRINKAGE) -> Platt:
    """A slope and an intercept a class, of least cross-entropy from Platt's targets, then shrunk.

    Those of a class with n samples are n / (n + shrinkage) its own; the rest is the slope 1 / T that all classes share,
    and no intercept. No slope is below 0. Fewer than LEAST_SAMPLES samples leave the scores as they are.

    Args:
        logits: (N, C).
        truth: As in `metrics.membership`; what is not known of a sample fits nothing.
        shrinkage: k, at least 0.
    """
    refuse_not_finite(logits=logits)
    classes, exclusive = logits.shape[1], truth.ndim == 1
    counts = members(truth, classes).sum(axis=0)
    said = tuple(counts.tolist())
    if too_few(truth, classes, LEAST_SAMPLES):
        return Platt((1.0,) * classes, (0.0,) * classes, said, exclusive)
    scores = log_odds(logits, exclusive)
    own = np.array(by_class(scores, truth, _curve, unknown=np.zeros(2)))
    shared = np.array([fit_shared_slope(scores, truth), 0.0])
    weight = trust(support(truth, classes, LEAST_SAMPLES), shrinkage)[:, None]
    slopes, intercepts = (weight * own + (1 - weight) * shared).T
    return Platt(tuple(slopes.tolist()), tuple(intercepts.tolist()), said, exclusive, len(truth))


def _curve(scores: Floats, there: NDArray[np.bool_]) -> Floats:
    """(2,) slope and intercept of one class."""
    found = fit_rising(np.stack([scores, np.ones(len(scores))], axis=1), platt_targets(there))
    return np.array([min(found[0], STEEPEST), found[1]])
