"""Everything a run measures on one set of samples, each figure with its interval."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.metrics import calibration, classification
from sfumato.metrics.intervals import LEVEL, Interval, sample_interval, score_interval, share_interval
from sfumato.stored import read_stored, stored


@stored
@dataclass(frozen=True)
class ClassRow:
    """One class in the per-class table."""

    name: str
    support: int
    """Samples of the class that were measured; 0 = its figures say nothing."""
    precision: float
    recall: float
    f1: float


@stored
@dataclass(frozen=True)
class Results:
    """Scores of N labelled samples."""

    samples: int
    scores: dict[str, Interval]
    """accuracy, balanced_accuracy, macro_f1, ece; ece_if_calibrated, the mean error that chance alone gives honest
    confidences, and the range from 0 that holds LEVEL of such errors; where some were not answered coverage, and where
    some were accuracy_answered."""
    classes: tuple[ClassRow, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Row = true class, column = predicted class."""
    groups: int | None = None
    """Groups of samples that belong together and were resampled as a whole; None = each sample is on its own."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str = "results") -> "Results":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        found = read_stored(cls, {"groups": None, **document}, "results", where)
        sides = {len(found.confusion), *(len(row) for row in found.confusion)}
        if not {*classification.SCORES, "ece"} <= found.scores.keys() or sides != {len(found.classes)}:
            raise InputError("not results: scores or counts are missing", where=where)
        return found


def measure(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    confidence: NDArray[np.float64],
    abstained: NDArray[np.bool_],
    names: tuple[str, ...],
    groups: NDArray[np.int64] | None = None,
) -> Results:
    """Measure N answers, each array (N,). Accuracy and the like count every sample, answered or not.

    Args:
        truth: Class indices.
        predicted: Class indices.
        confidence: Probability of the predicted class, 0 to 1.
        abstained: Where the answer would not have been given.
        names: The C class names.
        groups: Number of the group each sample belongs to; None = each is on its own.
    """
    confusion = classification.confusion_matrix(truth, predicted, len(names))
    correct, answered = predicted == truth, ~abstained
    scores = {
        name: share_interval(correct, groups)
        if name == "accuracy"
        else score_interval(truth, predicted, len(names), score, groups)
        for name, score in classification.SCORES.items()
    }
    scores["ece"] = sample_interval(
        lambda rows: calibration.expected_calibration_error(confidence[rows], correct[rows]),
        len(truth),
        groups,
        biased=True,
    )
    scores["ece_if_calibrated"] = _by_chance(confidence)
    if abstained.any():
        scores["coverage"] = share_interval(answered, groups)
    if abstained.any() and answered.any():
        scores["accuracy_answered"] = share_interval(correct[answered], None if groups is None else groups[answered])
    return Results(
        len(truth),
        scores,
        _class_rows(confusion, names),
        tuple(tuple(row) for row in confusion.tolist()),
        None if groups is None else len(np.unique(groups)),
    )


def _by_chance(confidence: NDArray[np.float64]) -> Interval:
    errors = calibration.chance_errors(confidence)
    return Interval(float(errors.mean()), 0.0, float(np.quantile(errors, LEVEL)))


def _class_rows(confusion: NDArray[np.int64], names: tuple[str, ...]) -> tuple[ClassRow, ...]:
    c = classification.counts(confusion)
    columns = (c.support, classification.precision(c), classification.recall(c), classification.f1(c))
    rows = zip(names, *(column.tolist() for column in columns), strict=True)
    return tuple(ClassRow(*row) for row in rows)
