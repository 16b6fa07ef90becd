"""Scores over folds: each fold's, their mean, and how far they scatter."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sfumato.stored import read_stored, stored

Scores = dict[str, float]
"""Name of a score, of one of several tasks as NAME.TASK -> its value."""

PLAIN = ("brier_before", "ece_before", "ece_equal_mass_before", "classwise_ece_before")
"""Of probabilities before calibration, so nothing of them was fitted on the fold."""
FITTED = (
    *("nll", "brier", "ece", "ece_equal_mass", "classwise_ece"),
    *("aurc", "coverage", "accuracy_answered", "set_coverage", "set_miss", "set_size"),
)
"""Of a policy that other samples fitted: of nested folds alone."""

NOTE = (
    "The weights of each fold were chosen on the samples that measure it, and calibration and thresholds were fitted on"
    " all of them, so figures out of fold are optimistic (--nested gives figures that are not); those of a test part"
    " are not."
)
NESTED_NOTE = (
    "The samples of a fold chose nothing of what answers for them: weights, calibration and thresholds are those of its"
    " own run, which saw the other folds alone. The figures are of single networks; the bundle averages all."
)


@stored
@dataclass(frozen=True)
class FoldScores:
    """One fold: a run that trained on the others."""

    fold: str
    """Its number from 0, or its name in the data."""
    train: int
    """Samples the run trained on."""
    held_out: int
    """Samples of the fold."""
    scores: Scores
    """On the fold's samples, before the policy: loss in nats, accuracy, macro_f1 over the classes that have a sample,
    macro_f1_all over all classes, those of PLAIN, and best, the highest accuracy that any weights of any epoch had.
    Nested there is no best, but those of FITTED that there are, under the policy of the fold's own run.

    Where a sample may be of several classes accuracy is exact match, there are map and micro_f1 too, best is the
    highest map, and a score that no sample of the fold measures is left out."""


@stored
@dataclass(frozen=True)
class FoldSummary:
    """What cv_summary.json holds."""

    folds: tuple[FoldScores, ...]
    mean: Scores
    """Over the folds, each counting the same."""
    std: Scores
    """Over the folds, of a sample: the sum of squares is divided by one less than there are folds."""
    unmeasured: dict[str, list[str]]
    """Task, empty for an only one -> its classes without a sample in any fold: too rare, so they always train."""
    results: dict[str, Any]
    """`out_of_fold`: all folds' predictions as one table, under the bundle's policy, nested under that of each run;
    `test`: the averaged bundle."""
    note: str = NOTE
    nested: bool = False
    """Whether the folds only measured, and other samples chose weights, calibration and thresholds."""

    @property
    def multilabel(self) -> bool:
        """Whether a sample may be of several classes."""
        return any("micro_f1" in fold.scores for fold in self.folds)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "FoldSummary":
        """Read what `to_dict` made; `where` names it in errors."""
        return read_stored(cls, {"nested": False, **document}, "a summary of folds", where)


def summarise(
    folds: tuple[FoldScores, ...], unmeasured: dict[str, list[str]], results: dict[str, Any], *, nested: bool = False
) -> FoldSummary:
    """Mean and standard deviation of every score that all folds have; there must be two folds."""
    shared = [name for name in folds[0].scores if all(name in fold.scores for fold in folds)]
    values = {name: np.array([fold.scores[name] for fold in folds]) for name in shared}
    mean = {name: float(found.mean()) for name, found in values.items()}
    std = {name: float(found.std(ddof=1)) for name, found in values.items()}
    return FoldSummary(folds, mean, std, unmeasured, results, NESTED_NOTE if nested else NOTE, nested)
