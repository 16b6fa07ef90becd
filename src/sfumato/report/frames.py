"""What the report shows of a measurement, as plain data: headlines, classes, confusions, reliability, mistakes."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.calibration import UNFITTED, Temperature
from sfumato.decision.policy import Policy
from sfumato.metrics.calibration import Reliability, expected_calibration_error, reliability
from sfumato.metrics.intervals import Interval
from sfumato.metrics.longtail import FEW_BELOW, MANY_ABOVE, SHOTS, TAIL_FRACTION, shot_of
from sfumato.metrics.results import ClassRow, Results
from sfumato.report.confused import most_confused
from sfumato.report.evidence import Evidence, Measured

Floats = NDArray[np.float64]

ALL_CLASSES = 40
"""Up to this many classes every one has its bar."""
SOME_CLASSES = 20
"""Else so many of the worst and so many of the largest."""
COUNTED, SHADED = 12, 30
"""A confusion matrix has its counts written up to COUNTED classes, and is drawn at all up to SHADED."""
NAMED = 4
"""Up to this many classes their names fit above the columns."""
PAIRS = 20
MISTAKES = 24

_MEANINGS = {
    "accuracy": ("Accuracy", "share of the images that are named rightly"),
    "balanced_accuracy": ("Balanced accuracy", "mean over the classes of the share that is found"),
    "macro_f1": ("Macro F1", "mean over the classes of F1; rare ones count as much as frequent ones"),
    "ece": ("Calibration error", "mean distance between confidence and accuracy; 0 is perfect"),
    "coverage": ("Coverage", "share of the images that get an answer at all"),
    "accuracy_answered": ("Accuracy where it answers", "share of the given answers that are right"),
}
_FOUND = "mean over the classes with {} training images of the share that is found"
_TAIL_MEANINGS = {
    "many": ("Many", _FOUND.format(f"more than {MANY_ABOVE}")),
    "medium": ("Medium", _FOUND.format(f"{FEW_BELOW} to {MANY_ABOVE}")),
    "few": ("Few", _FOUND.format(f"fewer than {FEW_BELOW}")),
    "tail": ("Tail", f"share that is found of the images of the rarest {100 * TAIL_FRACTION:.0f} % of the classes"),
    "worst_class": ("Worst class", "share that is found of “{}”"),
    "macro_f1_all": ("Macro F1 over all", "with 0 for every class that has no image here"),
}


@dataclass(frozen=True)
class Reference:
    """A value to compare a score with."""

    value: float
    meaning: str


@dataclass(frozen=True)
class Headline:
    """One score with its interval."""

    name: str
    meaning: str
    score: Interval
    reference: Reference | None


@dataclass(frozen=True)
class Majority:
    """What always naming the most frequent training class would reach."""

    name: str
    share: float
    """Of the measured samples that are of this class, 0 to 1."""


@dataclass(frozen=True)
class ClassList:
    """Classes of one heading, in the order they are shown."""

    title: str
    rows: tuple[ClassRow, ...]
    about: str = ""
    """What else the heading says."""


@dataclass(frozen=True)
class Pair:
    """A class taken for another."""

    truth: str
    predicted: str
    count: int
    share: float
    """Of the samples of the true class, 0 to 1."""


@dataclass(frozen=True)
class Confusion:
    """How classes are taken for each other: a matrix, and where that would be too large a part of it."""

    names: tuple[str, ...]
    """Of the matrix's classes; empty where there are too many of them and none is taken for another."""
    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]
    """Of all samples of the true class, the row; column = predicted class."""
    pairs: tuple[Pair, ...]
    """Most confused first."""
    classes: int
    """Those there are; more than `names` where the matrix is of the most confused ones alone."""

    @property
    def counted(self) -> bool:
        """Whether there is room for the counts."""
        return 0 < len(self.names) <= COUNTED

    @property
    def numbered(self) -> bool:
        """Whether columns have numbers, because names would not fit side by side."""
        return len(self.names) > NAMED


@dataclass(frozen=True)
class ReliabilityFrame:
    """Confidence against accuracy, of N samples."""

    title: str
    bins: Reliability
    error: float
    """Expected calibration error, 0 to 1."""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer."""

    id: str
    truth: str
    predicted: str
    confidence: float
    """0 to 1."""
    abstained: bool
    """Whether it would have been withheld."""
    about: str = ""
    """What the confidence is of, where an image may be of several classes."""
    asked: int = 0
    """Number of the class whose evidence is of interest: the one that was named, or whose answer is worst."""


def headlines(results: Results, majority: Majority) -> tuple[Headline, ...]:
    """The scores in the order a person asks for them."""
    references = {"accuracy": Reference(majority.share, "by always naming the most frequent class")}
    if "ece_if_calibrated" in results.scores:
        most = results.scores["ece_if_calibrated"].high
        references["ece"] = Reference(most, "which chance alone exceeds once in 20 times with these images")
    return tuple(
        Headline(*_MEANINGS[name], results.scores[name], references.get(name))
        for name in _MEANINGS
        if name in results.scores
    )


def tail_headlines(results: Results) -> tuple[Headline, ...]:
    """Rare classes beside frequent ones; none where all are many, all medium or all few."""
    shown = tail_scores(results)
    worst = _worst(results.classes) if shown else ""
    return tuple(
        Headline(title, meaning.format(worst), results.scores[name], None)
        for name, (title, meaning) in _TAIL_MEANINGS.items()
        if name in shown
    )


def tail_scores(results: Results) -> frozenset[str]:
    """Names of the scores that tell rare classes from frequent ones, where there are both.

    Macro-F1 over all classes is one of them where a class has no sample; else it is macro-F1 again.
    """
    if not results.long_tailed:
        return frozenset()
    whole = all(row.support for row in results.classes)
    return frozenset(_TAIL_MEANINGS.keys() & results.scores.keys()) - {"macro_f1_all" if whole else ""}


def _worst(rows: tuple[ClassRow, ...]) -> str:
    """As `longtail.worst_class` chooses it."""
    return min((row for row in rows if row.support), key=lambda row: (row.recall, -row.support)).name


def majority_class(evidence: Evidence, results: Results) -> Majority:
    """The class most frequent in training, and its share of the measured samples."""
    train = evidence.prepared.table.part("train")
    name = train.labels.names[int(np.argmax(train.class_counts))]
    row = next(row for row in results.classes if row.name == name)
    return Majority(row.name, row.support / max(1, results.samples))


def class_lists(rows: tuple[ClassRow, ...]) -> tuple[ClassList, ...]:
    """All classes, most training images first, many, medium and few apart; where those are not known, by support.

    Of more than ALL_CLASSES the worst by F1, the largest, and where not all are many, medium or few the rarest.
    """
    largest = tuple(sorted(rows, key=lambda row: (-(row.trained or 0), -row.support)))
    shots = _by_shot(largest)
    if len(rows) <= ALL_CLASSES:
        return shots if len(shots) > 1 else (ClassList("", largest),)
    worst = sorted((row for row in largest if row.support), key=lambda row: row.f1)
    lists = (
        ClassList(f"The {SOME_CLASSES} worst", tuple(worst[:SOME_CLASSES])),
        ClassList(f"The {SOME_CLASSES} largest", largest[:SOME_CLASSES]),
    )
    rarest = largest[max(SOME_CLASSES, len(largest) - SOME_CLASSES) :]
    return (*lists, ClassList(f"The {len(rarest)} rarest", rarest)) if len(shots) > 1 else lists


def _by_shot(rows: tuple[ClassRow, ...]) -> tuple[ClassList, ...]:
    """Many, medium and few, as far as there are any; nothing where training images are not known."""
    ranges = (f"more than {MANY_ABOVE}", f"{FEW_BELOW} to {MANY_ABOVE}", f"fewer than {FEW_BELOW}")
    lists: list[ClassList] = []
    for shot, images in zip(SHOTS, ranges, strict=True):
        inside = tuple(row for row in rows if row.trained is not None and shot_of(row.trained) == shot)
        if inside:
            lists.append(ClassList(shot.capitalize(), inside, f"{images} training images"))
    return tuple(lists)


def confusion(results: Results) -> Confusion:
    """The matrix up to SHADED classes; of more that of the most confused ones, those alike side by side."""
    names = tuple(row.name for row in results.classes)
    matrix = np.array(results.confusion, dtype=np.int64)
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    cells = [divmod(int(place), len(names)) for place in order if wrong.flat[place]]
    pairs = tuple(Pair(names[t], names[p], int(matrix[t, p]), float(shares[t, p])) for t, p in cells)
    shown = most_confused(matrix, SHADED) if len(names) > SHADED else np.arange(len(names))
    counts, part = matrix[np.ix_(shown, shown)].tolist(), shares[np.ix_(shown, shown)].tolist()
    kept = tuple(names[at] for at in cast(list[int], shown.tolist()))
    return Confusion(kept, tuple(map(tuple, counts)), tuple(map(tuple, part)), pairs, len(names))


def reliabilities(measured: Measured) -> tuple[ReliabilityFrame, ...]:
    """What the network says, and what is made of it; only the latter where nothing was calibrated."""
    said, truth = measured.verdicts, measured.predictions.truth
    after = _reliability(_after(measured.policy), said.confidence, said.predicted == truth)
    if not measured.policy.calibrator.fitted:
        return (after,)
    before = UNFITTED.probabilities(measured.predictions.logits)
    title = "Before calibration" if measured.policy.adjustment is None else "Before adjustment and calibration"
    return (_reliability(title, before.max(axis=1), before.argmax(axis=1) == truth), after)


def _after(policy: Policy) -> str:
    """What is said above the diagram of the answers as they are given."""
    calibrator = policy.calibrator
    if not calibrator.fitted:
        return "Not calibrated"
    if isinstance(calibrator, Temperature):
        return f"After, at temperature {calibrator.value:.2f}"
    return f"After, {calibrator.kind.replace('_', ' ')}"


def worst_mistakes(measured: Measured) -> tuple[Mistake, ...]:
    """The wrong answers it was surest of, surest first."""
    verdicts, names = measured.verdicts, measured.predictions.labels.names
    truth = cast(list[int], measured.predictions.truth.tolist())
    predicted = cast(list[int], verdicts.predicted.tolist())
    confidence, abstained = verdicts.confidence.tolist(), verdicts.abstained.tolist()
    wrong = [row for row, answer in enumerate(predicted) if answer != truth[row]]
    return tuple(
        Mistake(
            measured.predictions.ids[row],
            names[truth[row]],
            names[predicted[row]],
            confidence[row],
            abstained[row],
            asked=predicted[row],
        )
        for row in sorted(wrong, key=lambda row: -confidence[row])[:MISTAKES]
    )


def _reliability(title: str, confidence: Floats, correct: NDArray[np.bool_]) -> ReliabilityFrame:
    error = expected_calibration_error(confidence, correct)
    return ReliabilityFrame(title, reliability(confidence, correct), error)
