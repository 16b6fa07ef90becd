"""Thresholds a class: what a policy names where a sample may be of several classes, and answers where it is of one.

Each is the best of all cuts by one rule, drawn towards the threshold that is best for all classes together by as much
as its samples are few. Fitted on validation probabilities; the figures beside it are of those same samples, so they
are selection scores and no results.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.thresholds.rules import Rule
from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Note = Literal[
    "",
    "too few samples",
    "no positive",
    "no negative",
    "never likeliest",
    "scores say nothing",
    "from costs",
    "borrowed",
]


@stored
@dataclass(frozen=True)
class ClassThreshold:
    """From which probability on one class is named."""

    threshold: Share
    low: Share | None
    """The range that holds 95 % of the thresholds of resamples; None = the class has no threshold of its own."""
    high: Share | None
    own: Share | None
    """The rule's choice on this class alone; None = the shared threshold stands for it, `note` says why."""
    positives: Count
    """Samples of the class."""
    precision: Share
    """Of the samples it was fitted on, at `threshold`; 0 where none is named."""
    recall: Share
    f1: Share
    note: Note


@stored
@dataclass(frozen=True)
class Thresholds:
    """A class is named where its probability is at least its threshold."""

    rule: Rule
    shared: Share
    """The rule's choice on all classes' samples together; of a single class 0.5."""
    shrinkage: Annotated[float, Field(ge=0)]
    """k: a class with n samples has n / (n + k) of its own threshold and else the shared one."""
    samples: Count
    """Samples it was fitted on; 0 = too few, every threshold is 0.5, or 0 where it would withhold the answer; by costs
    none are needed."""
    classes: tuple[ClassThreshold, ...]

    @property
    def values(self) -> Floats:
        """(C,) thresholds."""
        return np.array([one.threshold for one in self.classes])

    def named(self, probabilities: Floats) -> NDArray[np.bool_]:
        """(N, C) whether each class is named, from (N, C) probabilities."""
        refuse_not_finite(probabilities=probabilities)
        return probabilities >= self.values

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "rule": self.rule.model_dump()}

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "Thresholds":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        return read_stored(cls, document, "thresholds", where)
