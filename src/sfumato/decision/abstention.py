"""Abstention: not answering where the model is less sure than the error one is ready to bear allows."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.doubt.sureness import By
from sfumato.decision.operating_point import OperatingPoint, by_coverage, by_error
from sfumato.metrics.finite import refuse_not_finite
from sfumato.spec import Spec
from sfumato.stored import stored

LEAST_ACCEPTED = 10
"""A threshold must leave at least this many validation answers, or its error is hearsay."""
Share = Annotated[float, Field(ge=0, le=1)]
Inner = Annotated[float, Field(gt=0, lt=1)]


class AbstainSpec(Spec):
    """When the bundle should rather not answer: by the error of its answers, or by how many it gives."""

    max_error: Inner | None = None
    """Share of wrong answers, among those given, that validation may show; above 0, below 1. Either this or
    `coverage`."""
    sure: Inner | None = None
    """How sure it should be that other answers err no more than `max_error`, such as 0.95; above 0, below 1. It answers
    less for that; none = validation shows the error, and others may be above it as often as below."""
    coverage: Inner | None = None
    """Share of validation samples that are answered, at least, those it is surest of; above 0, below 1."""
    by: By = "confidence"
    """What tells how sure it is: the probability of the answer (`confidence`), its distance to the second (`margin`),
    the whole distribution (`entropy`), the size of the logits (`energy`, of a single network in a single view), or how
    far features are from those of training pictures: in units of how far a class spreads (`mahalanobis`), or from the
    nearest of them (`knn`). These two tell strange pictures; `familiar` has them beside one that tells errors."""


@stored
@dataclass(frozen=True)
class Abstention:
    """An answer is given where the sureness is at least `threshold`."""

    threshold: Share
    """0 to 1, of what `by` says; 0 = always answer."""
    max_error: Share | None
    """The error that was asked for; None = a share of answers was."""
    error: Share | None
    """Share of wrong answers among those given, on validation; None = too few samples there to tell."""
    coverage: Share
    """Share of validation samples that were answered."""
    by: By = "confidence"
    """The sureness."""
    certainty: Share | None = None
    """How sure the bound is; None = none was asked for."""
    bound: Share | None = None
    """With that certainty, the most that answers on like samples err; None = nothing is promised."""

    @property
    def reached(self) -> bool:
        """Whether what was asked for is kept: by the bound where there is one, else on validation."""
        if self.max_error is None:
            return self.error is not None
        shown = self.error if self.bound is None else self.bound
        return shown is not None and shown <= self.max_error

    def withheld(self, sureness: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(N,) whether each answer is withheld; where the sureness is no number it is."""
        return ~(sureness >= self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; of the plain kind the fields that bundles have always held."""
        document = asdict(self)
        idle = {name for name in ("certainty", "bound") if document[name] is None}
        return {name: value for name, value in document.items() if name not in idle and (name, value) != _PLAIN}


_PLAIN = ("by", "confidence")
LATER: dict[str, Any] = {"by": "confidence", "certainty": None, "bound": None}
"""Fields that older bundles lack."""


def fit_abstention(confidence: NDArray[np.float64], correct: NDArray[np.bool_], max_error: float) -> Abstention:
    """The lowest threshold whose answers are wrong in at most `max_error` of cases, on (N,) validation samples.

    Where no threshold reaches it, the one of least error is taken and `reached` is False. Samples of equal confidence
    are accepted or refused together. Fewer than LEAST_ACCEPTED samples tell nothing: everything is answered.
    """
    refuse_not_finite(confidence=confidence)
    return _by_validation(confidence, correct, max_error, "confidence")


def fit_abstain(sureness: NDArray[np.float64], correct: NDArray[np.bool_], spec: AbstainSpec) -> Abstention:
    """What a recipe asks for, from (N,) validation samples: how sure each answer is, by `spec.by`, and whether right.

    With `sure`, samples that had a part in fitting the sureness should have none here.
    """
    refuse_not_finite(sureness=sureness)
    if spec.coverage is not None:
        return _by_share(sureness, correct, spec.coverage, spec.by)
    max_error = 1.0 if spec.max_error is None else spec.max_error
    if spec.sure is None:
        return _by_validation(sureness, correct, max_error, spec.by)
    point = by_error(sureness, correct, max_error, spec.sure)
    return _of(point, max_error, spec.by, spec.sure)


def _by_share(sureness: NDArray[np.float64], correct: NDArray[np.bool_], coverage: float, by: By) -> Abstention:
    if len(sureness) < LEAST_ACCEPTED:
        return Abstention(0.0, None, None, 1.0, by)
    return _of(by_coverage(sureness, correct, coverage), None, by, None)


def _of(point: OperatingPoint, max_error: float | None, by: By, certainty: float | None) -> Abstention:
    if point.threshold is None:
        return Abstention(0.0, max_error, None, 1.0, by, certainty, None if certainty is None else 1.0)
    bound = None if certainty is None else point.bound
    return Abstention(point.threshold, max_error, point.error, point.coverage, by, certainty, bound)


def _by_validation(sureness: NDArray[np.float64], correct: NDArray[np.bool_], max_error: float, by: By) -> Abstention:
    if len(sureness) < LEAST_ACCEPTED:
        return Abstention(0.0, max_error, None, 1.0, by)
    order = np.argsort(-sureness, kind="stable")
    accepted = np.arange(1, len(order) + 1)
    error = np.cumsum(~correct[order]) / accepted
    last_of_tie = np.append(np.diff(sureness[order]) != 0, True)
    candidates = np.flatnonzero(last_of_tie & (accepted >= LEAST_ACCEPTED))
    fine = candidates[error[candidates] <= max_error]
    at = int(fine[-1]) if len(fine) else int(candidates[np.argmin(error[candidates])])
    threshold = 0.0 if at == len(order) - 1 else float(sureness[order[at]])
    return Abstention(threshold, max_error, float(error[at]), float(accepted[at] / len(order)), by)
