"""Everything a run measures on one set of samples, each figure with its interval."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics import calibration, classification
from sfumato.metrics.intervals import Interval, confusion_interval, sample_interval


@dataclass(frozen=True)
class ClassRow:
    """One class in the per-class table."""

    name: str
    support: int
    """Samples of the class that were measured; 0 = its figures say nothing."""
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Results:
    """Scores of N labelled samples."""

    samples: int
    scores: dict[str, Interval]
    """accuracy, balanced_accuracy, macro_f1, ece; and coverage and accuracy_answered where some were not answered."""
    classes: tuple[ClassRow, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Row = true class, column = predicted class."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "Results":
        """Read what `to_dict` made, before or after JSON."""
        scores = {name: Interval(**interval) for name, interval in document["scores"].items()}
        classes = tuple(ClassRow(**row) for row in document["classes"])
        return cls(document["samples"], scores, classes, tuple(tuple(row) for row in document["confusion"]))


def measure(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    confidence: NDArray[np.float64],
    abstained: NDArray[np.bool_],
    names: tuple[str, ...],
) -> Results:
    """Measure N answers, each array (N,). Accuracy and the like count every sample, answered or not.

    Args:
        truth: Class indices.
        predicted: Class indices.
        confidence: Probability of the predicted class, 0 to 1.
        abstained: Where the answer would not have been given.
        names: The C class names.
    """
    confusion = classification.confusion_matrix(truth, predicted, len(names))
    correct = predicted == truth
    scores = {name: confusion_interval(confusion, score) for name, score in classification.SCORES.items()}
    scores["ece"] = sample_interval(
        lambda rows: calibration.expected_calibration_error(confidence[rows], correct[rows]), len(truth)
    )
    if abstained.any():
        scores["coverage"] = sample_interval(lambda rows: float(np.mean(~abstained[rows])), len(truth))
        scores["accuracy_answered"] = sample_interval(lambda rows: _mean(correct[rows][~abstained[rows]]), len(truth))
    return Results(len(truth), scores, _class_rows(confusion, names), tuple(tuple(row) for row in confusion.tolist()))


def _class_rows(confusion: NDArray[np.int64], names: tuple[str, ...]) -> tuple[ClassRow, ...]:
    c = classification.counts(confusion)
    columns = (c.support, classification.precision(c), classification.recall(c), classification.f1(c))
    rows = zip(names, *(column.tolist() for column in columns), strict=True)
    return tuple(ClassRow(*row) for row in rows)


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else 0.0
