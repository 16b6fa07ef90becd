"""How well the rarest classes are found, epoch by epoch, as plain data; from class_history.csv."""

from collections.abc import Sequence
from dataclasses import dataclass

from sfumato.report.evidence import ClassPoint, HistoryRow
from sfumato.training.records import Weights

MOST = 8
"""Classes shown; never more than half of all, so that what is called rare is."""
_RARE = 0.5
"""Of the largest class's training images: with more, none is called rare."""
_NUMBERS: dict[float, Weights] = {1.0: "raw", 2.0: "ema", 3.0: "swa"}
WEIGHTS: dict[Weights, str] = {
    "raw": "",
    "ema": ", with the moving average of the weights",
    "swa": ", with the mean of the weights at the ends of epochs",
}


@dataclass(frozen=True)
class Course:
    """One class over the epochs in which it was measured."""

    name: str
    trained: int
    support: int
    """Validation images."""
    epochs: tuple[int, ...]
    """Epochs done, from 1."""
    recalls: tuple[float, ...]
    kept: float | None
    """Of the weights that were kept; None = nothing was chosen."""


@dataclass(frozen=True)
class Rarest:
    """The rarest classes that have a validation image, the rarest first."""

    courses: tuple[Course, ...]
    epochs: int
    """Length of the axis."""
    keyframes: tuple[float, ...]
    best: int | None
    """Epochs done when the best weights were found; None = nothing was chosen."""
    about: str
    """Which weights it speaks of, where they are averages."""


def rarest(
    points: Sequence[ClassPoint], history: Sequence[HistoryRow], epochs: int, keyframes: tuple[float, ...]
) -> Rarest | None:
    """The courses of the rarest classes, of the kind of weights that was kept; None where no class is rare or known."""
    chosen = [row for row in history if row.get("best")]
    weights = _NUMBERS.get(chosen[-1]["best"] or 1.0, "raw") if chosen else "raw"
    best = int(chosen[-1]["epoch"] or 0) + 1 if chosen else None
    shown = [_course(name, points, weights, best) for name in _rare_names(points)]
    courses = tuple(course for course in shown if course.epochs)
    return Rarest(courses, epochs, keyframes, best, WEIGHTS[weights]) if courses else None


def _rare_names(points: Sequence[ClassPoint]) -> list[str]:
    """Rarest first; of classes with as many training images the earlier is the rarer, as in the tail."""
    classes = {point.name: point for point in points}
    largest = max((point.trained for point in classes.values()), default=0)
    rare = [point for point in classes.values() if point.support and point.trained < _RARE * largest]
    ordered = sorted(rare, key=lambda point: point.trained)
    return [point.name for point in ordered[: min(MOST, len(classes) // 2)]]


def _course(name: str, points: Sequence[ClassPoint], weights: Weights, best: int | None) -> Course:
    own = [point for point in points if point.name == name]
    recalls = {point.epoch + 1: point.recall for point in own if point.weights == weights}
    kept = recalls.get(best) if best is not None else None
    return Course(name, own[-1].trained, own[-1].support, tuple(recalls), tuple(recalls.values()), kept)
