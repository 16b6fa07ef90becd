"""What thresholds make of probabilities where a sample has one class. Shapes: N samples, C classes.

Of two classes one has a threshold, from which on it is the answer, and else the other: that moves the answer along the
ROC curve. Of more classes the likeliest is the answer, and withheld where it is less probable than the threshold of
that class: what is best is looked for among the samples whose likeliest class it is, which are all it can ever be the
answer to. A class that is never the likeliest is never answered, however low its threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.thresholds.fit import UNFITTED, fit_thresholds
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.decision.thresholds.thresholds import Thresholds
from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import stored

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@stored
@dataclass(frozen=True)
class AnswerThresholds:
    """Thresholds of a task in which a sample has one class."""

    fitted: Thresholds
    """Of the positive class alone, or of all C."""
    positive: Annotated[int, Field(ge=0, le=1)] | None
    """Index of the class that is answered from its threshold on, of two; None = each class has its own."""

    def __post_init__(self) -> None:
        if self.positive is not None and len(self.fitted.classes) != 1:
            raise ValueError("should have one threshold, that of the positive class")

    @property
    def classes(self) -> int:
        """C."""
        return len(self.fitted.classes) if self.positive is None else 2

    @property
    def places(self) -> tuple[int, ...]:
        """Index among the C classes of each that has a threshold."""
        return tuple(range(self.classes)) if self.positive is None else (self.positive,)

    def choose(self, probabilities: Floats) -> Integers:
        """(N,) the answer to each of (N, C) probabilities, given or not; of equal ones the class of lower index."""
        refuse_not_finite(probabilities=probabilities)
        if self.positive is None:
            return probabilities.argmax(axis=1)
        named = self.fitted.named(probabilities[:, [self.positive]])[:, 0]
        return np.where(named, self.positive, 1 - self.positive)

    def withheld(self, probabilities: Floats, answers: Integers) -> NDArray[np.bool_]:
        """(N,) whether each answer is withheld; of two classes none is. Where the probability is no number it is."""
        if self.positive is not None:
            return np.zeros(len(answers), dtype=np.bool_)
        return ~(probabilities[np.arange(len(answers)), answers] >= self.fitted.values[answers])

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"fitted": self.fitted.to_dict(), "positive": self.positive}


def fit_answer_thresholds(
    probabilities: Floats,
    truth: Integers,
    spec: ThresholdSpec,
    positive: int | None,
    frequencies: Sequence[float] | None = None,
) -> AnswerThresholds:
    """The thresholds that a recipe asks for.

    With fewer samples than can tell, the likelier of two classes is the answer (0.5), and of more classes every answer
    is given (0). So is the likelier of two where probabilities do not tell them apart: of such the greatest F would
    name all of them.

    Args:
        probabilities: (N, C) of validation samples, calibrated, each row summing to 1.
        truth: (N,) class indices.
        spec: What is asked for.
        positive: Index of the positive class, of two; None = each class has a threshold.
        frequencies: Of two classes, where they are used, of which only the ratio matters; None = as among these
            samples.
    """
    refuse_not_finite(probabilities=probabilities)
    if positive is not None:
        column, there = probabilities[:, [positive]], (truth == positive)[:, None]
        used = None if frequencies is None else (frequencies[positive], frequencies[1 - positive])
        fitted = fit_thresholds(column, there, spec.rule, 0.0, shared=UNFITTED, frequencies=used)
        return AnswerThresholds(fitted, positive)
    there, answered = (_one_hot(of, probabilities.shape[1]) for of in (truth, probabilities.argmax(axis=1)))
    return AnswerThresholds(fit_thresholds(probabilities, there, spec.rule, spec.shrinkage, among=answered), None)


def _one_hot(of: Integers, classes: int) -> NDArray[np.bool_]:
    return of[:, None] == np.arange(classes)
