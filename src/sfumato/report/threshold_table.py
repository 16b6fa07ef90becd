"""The thresholds that a bundle answers by, a class in a row. Plain data."""

from dataclasses import dataclass

from sfumato.decision.thresholds.thresholds import ClassThreshold
from sfumato.report.evidence import Measured
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
        """Whether any of these samples is answered with the class."""
        return self.fitted.recall > 0 or self.fitted.precision > 0


@dataclass(frozen=True)
class ThresholdFrame:
    """The thresholds of a task."""

    rule: str
    """What was best, in words."""
    samples: int
    """Validation samples they were fitted on; 0 = none."""
    below: str | None
    """The class that is answered below the threshold of the other; None = the answer is withheld."""
    shared: float | None
    """Towards which the threshold of a class is drawn; None = it is not."""
    shrinkage: float
    """Samples of a class at which its own threshold and the shared one count the same."""
    rows: tuple[ThresholdRow, ...]
    classes: int
    """Those that have a threshold, shown or not."""
    moved: bool
    """Whether the figures are those of two classes at the frequencies of decision.priors."""


def threshold_frame(measured: Measured) -> ThresholdFrame | None:
    """The thresholds of the policy that was measured; None where it has none."""
    found, names = measured.policy.thresholds, measured.predictions.labels.names
    if found is None:
        return None
    fitted = found.fitted
    pairs = zip(found.places, fitted.classes, strict=True)
    rows = [ThresholdRow(names[place], row, NOTES[row.note] if row.note else "") for place, row in pairs]
    if len(rows) > LISTED:
        rows = sorted(rows, key=lambda row: -row.fitted.threshold)[:LISTED]
    below = None if found.positive is None else names[1 - found.positive]
    shared = fitted.shared if fitted.samples and found.positive is None and fitted.shrinkage else None
    return ThresholdFrame(
        rule_words(fitted.rule),
        fitted.samples,
        below,
        shared,
        fitted.shrinkage,
        tuple(rows),
        len(fitted.classes),
        measured.policy.shift is not None and found.positive is not None,
    )
