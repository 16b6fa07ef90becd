"""What is lost without a part of what there is to look at: answers with it and without, to the same samples.

Shapes: N samples, C classes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.classification import macro_f1
from sfumato.metrics.intervals import Interval, score_interval, share_interval
from sfumato.metrics.paired import mcnemar, paired_difference
from sfumato.stored import read_stored, stored

Integers = NDArray[np.int64]


@stored
@dataclass(frozen=True)
class Sight:
    """What answers are worth that go by one part of what there is."""

    name: str
    """What they go by, in words."""
    accuracy: Interval
    macro_f1: Interval
    lost: Interval
    """Accuracy by all there is less this one, from paired resamples; above 0 the rest adds something."""
    lost_f1: Interval
    """The same of macro-F1."""
    p: float
    """McNemar's exact test of the two accuracies, two-sided."""


@stored
@dataclass(frozen=True)
class Ablation:
    """The same N samples answered by all there is, and by each part of it alone."""

    samples: int
    accuracy: Interval
    """By all there is."""
    macro_f1: Interval
    parts: tuple[Sight, ...]
    note: str
    """What a reader of the figures must know."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, which `from_dict` reads back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], where: str) -> "Ablation":
        """Read a stored one; `where` names it in errors."""
        return read_stored(cls, dict(document), "an ablation", where)


def ablate(
    truth: Integers,
    whole: Integers,
    parts: Mapping[str, Integers],
    classes: int,
    note: str,
    groups: Integers | None = None,
) -> Ablation:
    """Measure answers by all there is, and by each part of it alone.

    Args:
        truth: (N,) class indices, all of them known.
        whole: (N,) answers by all there is.
        parts: What else they could go by, in words -> (N,) answers by it alone.
        classes: C.
        note: What a reader must know.
        groups: (N,) number of the group each sample belongs to, resampled whole; None = each is on its own.
    """
    rows = tuple(_sight(name, truth, whole, said, classes, groups) for name, said in parts.items())
    return Ablation(len(truth), *_scores(truth, whole, classes, groups), rows, note)


def _sight(name: str, truth: Integers, whole: Integers, said: Integers, classes: int, groups: Integers | None) -> Sight:
    lost = paired_difference(truth, whole, said, "accuracy", groups)
    lost_f1 = paired_difference(truth, whole, said, "macro_f1", groups)
    return Sight(name, *_scores(truth, said, classes, groups), lost, lost_f1, mcnemar(truth, whole, said).p)


def _scores(truth: Integers, said: Integers, classes: int, groups: Integers | None) -> tuple[Interval, Interval]:
    return share_interval(said == truth, groups), score_interval(truth, said, classes, macro_f1, groups)
