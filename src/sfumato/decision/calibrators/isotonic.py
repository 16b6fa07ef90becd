"""Isotonic calibration: the rising steps a class that fit best, whatever their shape.

Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, KDD 2002; fitted by
scikit-learn. It overfits small samples (Niculescu-Mizil and Caruana, Predicting Good Probabilities with Supervised
Learning, ICML 2005, section 5), so it asks for many.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.calibrators.known_answers import by_class, support, too_few
from sfumato.decision.calibrators.one_vs_rest import Count, check_lengths, log_odds, sigmoid
from sfumato.decision.calibrators.shared_slope import fit_shared_slope
from sfumato.decision.shrinkage import SHRINKAGE, trust
from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.membership import Truth, members
from sfumato.stored import stored

Floats = NDArray[np.float64]
Share = Annotated[float, Field(ge=0, le=1)]

LEAST_SAMPLES = 500
"""Below this many validation samples nothing is fitted."""


@stored
@dataclass(frozen=True)
class Steps:
    """A rising curve through knots, straight between them and level beyond."""

    log_odds: tuple[float, ...]
    """K ascending numbers, at least one."""
    shares: tuple[Share, ...]
    """K probabilities, never falling."""

    def __post_init__(self) -> None:
        check_lengths(log_odds=self.log_odds, shares=self.shares)


@stored
@dataclass(frozen=True)
class Isotonic:
    """A class's probability is that of its steps by its weight, and for the rest sigmoid(slope * log-odds).

    Where classes exclude each other rows are divided by their sum.
    """

    steps: tuple[Steps, ...]
    """C curves; with none, only the slope counts."""
    weights: tuple[Share, ...]
    """C numbers n / (n + k), the trust in each curve."""
    slope: Annotated[float, Field(gt=0)]
    """1 / T of all classes."""
    counts: tuple[Count, ...]
    """C numbers of validation samples, fitted or not."""
    exclusive: bool
    samples: Count = 0
    """Validation samples it was fitted on; 0 = not fitted, weights are 0 and the slope is 1."""
    kind: Literal["isotonic"] = "isotonic"

    def __post_init__(self) -> None:
        check_lengths(weights=self.weights, counts=self.counts)
        if self.fitted:
            check_lengths(steps=self.steps, counts=self.counts)

    @property
    def fitted(self) -> bool:
        """Whether the probabilities are calibrated at all."""
        return self.samples > 0

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities from (N, C) logits."""
        refuse_not_finite(logits=logits)
        scores = log_odds(logits, self.exclusive)
        found = sigmoid(self.slope * scores)
        for index, (curve, weight) in enumerate(zip(self.steps, self.weights, strict=False)):
            stepped = np.interp(scores[:, index], curve.log_odds, curve.shares)
            found[:, index] = weight * stepped + (1 - weight) * found[:, index]
        return _rows_of_one(found) if self.exclusive else found


def fit_isotonic(logits: NDArray[np.floating], truth: Truth, shrinkage: float = SHRINKAGE) -> Isotonic:
    """Steps a class, of least squared error on its log-odds, and the slope that all classes share.

    Steps reach 0 and 1; as no weight does, no probability does but by rounding. Fewer than LEAST_SAMPLES samples leave
    the scores as they are.

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
        return Isotonic((), (0.0,) * classes, 1.0, said, exclusive)
    scores = log_odds(logits, exclusive)
    steps = tuple(by_class(scores, truth, _steps, unknown=Steps((0.0,), (0.5,))))
    weights = tuple(trust(support(truth, classes, LEAST_SAMPLES), shrinkage).tolist())
    return Isotonic(steps, weights, fit_shared_slope(scores, truth), said, exclusive, len(truth))


def _steps(scores: Floats, there: NDArray[np.bool_]) -> Steps:
    from sklearn.isotonic import IsotonicRegression

    fitted = cast(Any, IsotonicRegression)(y_min=0, y_max=1).fit(scores, there.astype(np.float64))
    return Steps(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))


def _rows_of_one(found: Floats) -> Floats:
    """Rows divided by their sum; one without any probability left is shared out evenly."""
    total = found.sum(axis=1, keepdims=True)
    return np.divide(found, total, out=np.full_like(found, 1 / max(1, found.shape[1])), where=total > 0)
