"""Abstention: not answering where the model is less sure than the error one is ready to bear allows."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.spec import Spec
from sfumato.stored import stored

LEAST_ACCEPTED = 10
"""A threshold must leave at least this many validation answers, or its error is hearsay."""


class AbstainSpec(Spec):
    """When the bundle should rather not answer."""

    max_error: Annotated[float, Field(gt=0, lt=1)]
    """Share of wrong answers, among those given, that validation may show; above 0, below 1."""


Share = Annotated[float, Field(ge=0, le=1)]


@stored
@dataclass(frozen=True)
class Abstention:
    """An answer is given where the calibrated probability of the top class is at least `threshold`."""

    threshold: Share
    """0 to 1; 0 = always answer."""
    max_error: Share
    """The error that was asked for."""
    error: Share | None
    """Share of wrong answers among those given, on validation; None = too few samples there to tell."""
    coverage: Share
    """Share of validation samples that were answered."""

    @property
    def reached(self) -> bool:
        """Whether validation shows the error that was asked for."""
        return self.error is not None and self.error <= self.max_error


def fit_abstention(confidence: NDArray[np.float64], correct: NDArray[np.bool_], max_error: float) -> Abstention:
    """The lowest threshold whose answers are wrong in at most `max_error` of cases, on (N,) validation samples.

    Where no threshold reaches it, the one of least error is taken and `reached` is False. Samples of equal confidence
    are accepted or refused together. Fewer than LEAST_ACCEPTED samples tell nothing: everything is answered.
    """
    if len(confidence) < LEAST_ACCEPTED:
        return Abstention(0.0, max_error, None, 1.0)
    order = np.argsort(-confidence, kind="stable")
    accepted = np.arange(1, len(order) + 1)
    error = np.cumsum(~correct[order]) / accepted
    last_of_tie = np.append(np.diff(confidence[order]) != 0, True)
    candidates = np.flatnonzero(last_of_tie & (accepted >= LEAST_ACCEPTED))
    fine = candidates[error[candidates] <= max_error]
    at = int(fine[-1]) if len(fine) else int(candidates[np.argmin(error[candidates])])
    threshold = 0.0 if at == len(order) - 1 else float(confidence[order[at]])
    return Abstention(threshold, max_error, float(error[at]), float(accepted[at] / len(order)))
