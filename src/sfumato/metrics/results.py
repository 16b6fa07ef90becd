"""Everything a run measures on one set of samples, each figure with its interval."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.metrics import classification, longtail
from sfumato.metrics.average_precision import average_precision
from sfumato.metrics.elements import ElementResults
from sfumato.metrics.honesty import mean_interval
from sfumato.metrics.intervals import Interval, share_interval
from sfumato.metrics.narrowed import NarrowedResults
from sfumato.metrics.scores import answered, long_tail, overall, ranked, sureness
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
    set_coverage: Interval | None = None
    """Share of its samples whose set holds it, 0 to 1; None = no sample, or the policy names no sets."""
    set_size: Interval | None = None
    """Mean number of classes in their sets, 0 to C; None as there."""
    known: int | None = None
    """Samples of which it is known whether they are of the class; None = all that were measured."""


@stored
@dataclass(frozen=True)
class Results:
    """Scores of N labelled samples."""

    samples: int
    scores: dict[str, Interval]
    """Those of `scores.overall`, `sureness` and `answered`; where the training images of each class are known those of
    `long_tail`; where probabilities are known those of `ranked`, which older results lack; where a policy decided those
    of `trust`. 0 to 1, but coverage_error 1 to C, set_size 0 to C, nll in nats, brier 0 to 2, cost in the unit of the
    recipe, changes below 0 too."""
    classes: tuple[ClassRow, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Row = true class, column = predicted class."""
    groups: int | None = None
    """Groups of samples that belong together and were resampled as a whole; None = each sample is on its own."""
    elements: ElementResults | None = None
    """How classes that share elements are told apart; None = the classes name none."""
    narrowing: NarrowedResults | None = None
    """What narrowing the candidates by elements does; None = the policy does not."""

    @property
    def long_tailed(self) -> bool:
        """Whether the measured classes are not all many, all medium or all few."""
        return sum(name in self.scores for name in longtail.SHOTS) > 1

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; without what elements say where there are none."""
        document = asdict(self)
        lacking = {name for name in ("elements", "narrowing") if document[name] is None}
        return {name: value for name, value in document.items() if name not in lacking}

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str = "results") -> "Results":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        found = read_stored(cls, {"groups": None, "elements": None, "narrowing": None, **document}, "results", where)
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
        probabilities: (N, C); None = no AUC, average precision, top-k and the like.
        trained: (C,) training images of each class; None = no long-tail scores.
    """
    confusion = classification.confusion_matrix(truth, predicted, len(names))
    scores = {
        **overall(truth, predicted, len(names), groups),
        **sureness(confidence, predicted == truth, groups),
        **answered(predicted == truth, ~abstained, groups),
    }
    if trained is not None:
        scores |= long_tail(truth, predicted, trained, groups, scores["macro_f1"])
    if probabilities is not None:
        scores |= ranked(truth, probabilities, groups)
    precisions = None if probabilities is None else average_precision(truth, probabilities)
    return Results(
        len(truth),
        scores,
        class_rows(confusion, names, precisions, trained),
        tuple(tuple(row) for row in confusion.tolist()),
        None if groups is None else len(np.unique(groups)),
    )


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
    return count_rows(classification.counts(confusion), names, precisions, trained)


def count_rows(
    c: classification.Counts,
    names: tuple[str, ...],
    precisions: NDArray[np.float64] | None,
    trained: Integers | None,
) -> tuple[ClassRow, ...]:
    """The same of counts (C,), whether a sample is of one class or of several."""
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


def with_sets(
    rows: tuple[ClassRow, ...], sets: NDArray[np.bool_], truth: Integers, groups: Integers | None = None
) -> tuple[ClassRow, ...]:
    """The table of C classes with what their samples' sets do.

    Args:
        rows: C classes.
        sets: (N, C) whether each class is in the sample's set.
        truth: (N,) class indices.
        groups: (N,) number of the group each sample belongs to; None = each is on its own.
    """
    held, sizes = sets[np.arange(len(truth)), truth], sets.sum(axis=1).astype(np.float64)

    def row_of(index: int, row: ClassRow) -> ClassRow:
        inside = truth == index
        if not inside.any():
            return row
        own = None if groups is None else groups[inside]
        size = mean_interval(sizes[inside], own)
        return replace(row, set_coverage=share_interval(held[inside], own), set_size=size)

    return tuple(row_of(index, row) for index, row in enumerate(rows))
