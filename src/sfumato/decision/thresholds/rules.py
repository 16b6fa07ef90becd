"""The rules that a threshold can be chosen by. Each finds the best of all cuts, of one class or of resamples of it."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, Tag

from sfumato.decision.costs import cost_threshold
from sfumato.decision.thresholds.cuts import Cuts
from sfumato.spec import Spec, kind_or

Indices = NDArray[np.int64]
Floor = Annotated[float, Field(gt=0, le=1)]
Cost = Annotated[float, Field(gt=0)]


class FBeta(Spec):
    """The greatest F: of calibrated probabilities its threshold is half of it (Lipton et al., ECML 2014)."""

    kind: Literal["f_beta"] = "f_beta"
    beta: Annotated[float, Field(gt=0, le=10)] = 1.0
    """How many times as much recall counts as precision; 1 = F1."""

    def best(self, cuts: Cuts) -> Indices:
        """(...) index of the chosen cut; of equal ones the one that names fewest."""
        return cuts.f_beta(self.beta).argmax(axis=-1)


class Youden(Spec):
    """The greatest recall less false alarms (Youden, Index for Rating Diagnostic Tests, Cancer 1950).

    It counts both shares alike, so of a rare class it names many that are not of it.
    """

    kind: Literal["youden"] = "youden"

    def best(self, cuts: Cuts) -> Indices:
        """(...) index of the chosen cut; of equal ones the one that names fewest."""
        return (cuts.recall - cuts.false_alarms).argmax(axis=-1)


class EqualError(Spec):
    """Where as great a share of the class is missed as of the others is named: the equal error rate.

    It ranks gates; it says nothing of what an error costs.
    """

    kind: Literal["equal_error"] = "equal_error"

    def best(self, cuts: Cuts) -> Indices:
        """(...) index of the cut at which the two shares differ least."""
        return np.abs(1 - cuts.recall - cuts.false_alarms).argmin(axis=-1)


class PrecisionFloor(Spec):
    """The greatest recall whose precision is at least `floor`; where none is, the greatest precision."""

    kind: Literal["precision_floor"] = "precision_floor"
    floor: Floor
    """Share of the named samples that must be of the class, above 0 to 1."""

    def best(self, cuts: Cuts) -> Indices:
        """(...) index of the chosen cut."""
        precision = cuts.precision
        fine = precision >= self.floor
        wanted = np.where(fine.any(axis=-1, keepdims=True), np.where(fine, cuts.recall, -1), precision)
        return wanted.argmax(axis=-1)


class RecallFloor(Spec):
    """The greatest precision whose recall is at least `floor`; where none is, the greatest recall."""

    kind: Literal["recall_floor"] = "recall_floor"
    floor: Floor
    """Share of the class's samples that must be named, above 0 to 1."""

    def best(self, cuts: Cuts) -> Indices:
        """(...) index of the chosen cut."""
        recall = cuts.recall
        fine = recall >= self.floor
        wanted = np.where(fine.any(axis=-1, keepdims=True), np.where(fine, cuts.precision, -1), recall)
        return wanted.argmax(axis=-1)


class LeastCost(Spec):
    """The least expected cost, in closed form: no sample chooses it, so probabilities must be honest."""

    kind: Literal["least_cost"] = "least_cost"
    false_alarm: Cost = 1.0
    """Cost of naming the class where it is not there; above 0, in any unit."""
    miss: Cost = 1.0
    """Cost of not naming it where it is; above 0, in the same unit."""

    @property
    def threshold(self) -> float:
        """The probability from which on naming costs less."""
        return cost_threshold(self.false_alarm, self.miss)


Swept = FBeta | Youden | EqualError | PrecisionFloor | RecallFloor
"""The rules that choose among the cuts of samples."""
Rule = Annotated[
    Annotated[FBeta, Tag("f_beta")]
    | Annotated[Youden, Tag("youden")]
    | Annotated[EqualError, Tag("equal_error")]
    | Annotated[PrecisionFloor, Tag("precision_floor")]
    | Annotated[RecallFloor, Tag("recall_floor")]
    | Annotated[LeastCost, Tag("least_cost")],
    kind_or("f_beta"),
]
