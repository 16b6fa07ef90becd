"""Everything a run measures on one set of samples, each figure with its interval."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.metrics import calibration, classification, longtail
from sfumato.metrics.intervals import LEVEL, Interval, sample_interval, score_interval, share_interval
from sfumato.stored import read_stored, stored

Integers = NDArray[np.int64]


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
    average_precision: float | None = None
    """One-vs-rest, of the policy's probabilities; None = no sample, or results from before it was measured."""
    trained: int | None = None
    """Training images of the class; None = not known."""


@stored
@dataclass(frozen=True)
class Results:
    """Scores of N labelled samples."""

    samples: int
    scores: dict[str, Interval]
    """accuracy, balanced_accuracy, macro_f1, ece; ece_if_calibrated, the mean error that chance alone gives honest
    confidences, and the range from 0 that holds LEVEL of such errors; where some were not answered coverage, and where
    some were accuracy_answered. Where the training images of each class are known, those of
    `longtail.long_tail_scores` that have a value."""
    classes: tuple[ClassRow, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Row = true class, column = predicted class."""
    groups: int | None = None
    """Groups of samples that belong together and were resampled as a whole; None = each sample is on its own."""

    @property
    def long_tailed(self) -> bool:
        """Whether the measured classes are not all many, all medium or all few."""
        return sum(name in self.scores for name in longtail.SHOTS) > 1

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
    truth: Integers,
    predicted: Integers,
    confidence: NDArray[np.float64],
    abstained: NDArray[np.bool_],
    names: tuple[str, ...],
    groups: Integers | None = None,
    *,
    probabilities: NDArray[np.float64] | None = None,
    trained: Integers | None = None,
) -> Results:
    """Measure N answers, each array (N,). Accuracy and the like count every sample, answered or not.

    Args:
        truth: Class indices.
        predicted: Class indices.
        confidence: Probability of the predicted class, 0 to 1.
        abstained: Where the answer would not have been given.
        names: The C class names.
        groups: Number of the group each sample belongs to; None = each is on its own.
        probabilities: (N, C); None = no average precision.
        trained: (C,) training images of each class; None = no long-tail scores.
    """
    confusion = classification.confusion_matrix(truth, predicted, len(names))
    scores = {
        **_overall(truth, predicted, len(names), groups),
        **_confidence(confidence, predicted == truth, groups),
        **_answered(predicted == truth, ~abstained, groups),
    }
    if trained is not None:
        scores |= _long_tail(truth, predicted, trained, groups, scores["macro_f1"])
    precisions = None if probabilities is None else longtail.average_precision(truth, probabilities)
    return Results(
        len(truth),
        scores,
        class_rows(confusion, names, precisions, trained),
        tuple(tuple(row) for row in confusion.tolist()),
        None if groups is None else len(np.unique(groups)),
    )


def _overall(truth: Integers, predicted: Integers, classes: int, groups: Integers | None) -> dict[str, Interval]:
    return {
        name: share_interval(predicted == truth, groups)
        if name == "accuracy"
        else score_interval(truth, predicted, classes, score, groups)
        for name, score in classification.SCORES.items()
    }


def _confidence(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], groups: Integers | None
) -> dict[str, Interval]:
    error = sample_interval(
        lambda rows: calibration.expected_calibration_error(confidence[rows], correct[rows]),
        len(correct),
        groups,
        biased=True,
    )
    by_chance = calibration.chance_errors(confidence)
    honest = Interval(float(by_chance.mean()), 0.0, float(np.quantile(by_chance, LEVEL)))
    return {"ece": error, "ece_if_calibrated": honest}


def _answered(correct: NDArray[np.bool_], answered: NDArray[np.bool_], groups: Integers | None) -> dict[str, Interval]:
    """Where some were not answered."""
    found: dict[str, Interval] = {}
    if not answered.all():
        found["coverage"] = share_interval(answered, groups)
    if not answered.all() and answered.any():
        found["accuracy_answered"] = share_interval(correct[answered], None if groups is None else groups[answered])
    return found


def _long_tail(
    truth: Integers, predicted: Integers, trained: Integers, groups: Integers | None, macro_f1: Interval
) -> dict[str, Interval]:
    """The long-tail scores that have a value, with their intervals.

    Recall of some classes needs their own samples alone, so those alone are resampled: no resample is without one.
    Which classes have a sample is a property of the data, not of chance, so macro-F1 over all classes is that over the
    measured ones times their share. The worst class is resampled as the class it is: the least of many figures would
    sink further with every resample.
    """
    c = classification.answer_counts(truth, predicted, len(trained))

    def recall_of(inside: NDArray[np.bool_]) -> Interval:
        rows = inside[truth]
        within = None if groups is None else groups[rows]
        return score_interval(truth[rows], predicted[rows], len(trained), classification.balanced_accuracy, within)

    def share_of(classes: Integers) -> Interval:
        rows = np.isin(truth, classes)
        return share_interval(predicted[rows] == truth[rows], None if groups is None else groups[rows])

    share = float((c.support > 0).mean())
    found = {
        "macro_f1_all": Interval(*(share * figure for figure in (macro_f1.value, macro_f1.low, macro_f1.high))),
        "weighted_f1": score_interval(truth, predicted, len(trained), longtail.weighted_f1, groups),
        **{name: recall_of(inside) for name, inside in longtail.shot_groups(trained).items()},
        "tail": share_of(longtail.tail_classes(trained)),
        "worst_class": share_of(np.array([longtail.worst_class(c)])),
    }
    values = longtail.long_tail_scores(c, trained)
    return {name: interval for name, interval in found.items() if values[name] is not None}


def class_rows(
    confusion: Integers,
    names: tuple[str, ...],
    precisions: NDArray[np.float64] | None,
    trained: Integers | None,
) -> tuple[ClassRow, ...]:
    """The table of C classes.

    Args:
        confusion: (C, C); row = true class, column = predicted class.
        names: Of the classes.
        precisions: (C,) average precision, nan for a class without a sample; None = not measured.
        trained: (C,) training images of each class; None = not known.
    """
    c = classification.counts(confusion)
    figures = (classification.precision(c), classification.recall(c), classification.f1(c))
    unknown: list[None] = [None] * len(names)
    rows = zip(
        names,
        c.support.tolist(),
        *(column.tolist() for column in figures),
        unknown if precisions is None else [None if np.isnan(one) else float(one) for one in precisions],
        unknown if trained is None else trained.tolist(),
        strict=True,
    )
    return tuple(ClassRow(*row) for row in rows)
