"""The thresholds that a bundle answers by, a class in a row. Plain data."""

from collections.abc import Sequence
from dataclasses import dataclass

from sfumato.decision.thresholds.thresholds import ClassThreshold, Thresholds
from sfumato.report.evidence import LabelsMeasured, Measured
from sfumato.report.threshold_words import NOTES, rule_words

LISTED = 40
"""Of more classes those of the highest thresholds are shown."""


@dataclass(frozen=True)
class ThresholdRow:
    """One class, its figures being of the validation samples that chose: no results."""

    name: str
    fitted: ClassThreshold
    note: str
    """Why it has no threshold of its own; empty where it has."""

    @property
    def answered(self) -> bool:
        """Whether any of these samples is answered with the class rightly."""
        return self.fitted.recall > 0


@dataclass(frozen=True)
class ThresholdFrame:
    """The thresholds of a task."""

    does: str
    """What a threshold does, as a sentence."""
    rule: str
    """What was best, in words."""
    samples: int
    """Validation samples they were fitted on; 0 = none."""
    shared: float | None
    """Towards which the threshold of a class is drawn; None = it is not."""
    shrinkage: float
    """Samples of a class at which its own threshold and the shared one count the same."""
    rows: tuple[ThresholdRow, ...]
    classes: int
    """Those that have a threshold, shown or not."""
    moved: bool = False
    """Whether the figures are those of two classes at the frequencies of decision.priors."""


def threshold_frame(measured: Measured) -> ThresholdFrame | None:
    """The thresholds of the policy that was measured; None where it has none."""
    found, names = measured.policy.thresholds, measured.predictions.labels.names
    if found is None:
        return None
    if found.positive is None:
        return _frame(found.fitted, names, "The likeliest class is the answer, and withheld below this probability.")
    does = f"From this probability on it answers with the class, else “{names[1 - found.positive]}”."
    return _frame(found.fitted, (names[found.positive],), does, moved=measured.policy.shift is not None)


def label_threshold_frame(measured: LabelsMeasured) -> ThresholdFrame:
    """Those of a policy that names any number of classes."""
    return _frame(
        measured.policy.thresholds, measured.predictions.labels.names, "From this probability on it names the class."
    )


def _frame(fitted: Thresholds, names: Sequence[str], does: str, *, moved: bool = False) -> ThresholdFrame:
    pairs = zip(names, fitted.classes, strict=True)
    rows = [ThresholdRow(name, row, NOTES[row.note] if row.note else "") for name, row in pairs]
    if len(rows) > LISTED:
        rows = sorted(rows, key=lambda row: -row.fitted.threshold)[:LISTED]
    shared = fitted.shared if fitted.samples and fitted.shrinkage else None
    rule, classes = rule_words(fitted.rule), len(fitted.classes)
    return ThresholdFrame(does, rule, fitted.samples, shared, fitted.shrinkage, tuple(rows), classes, moved)
