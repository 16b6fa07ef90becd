"""What naming or answering from another threshold on would do, counted exactly for a page to be asked. Plain data.

Thresholds go in steps of 1 / STEPS. Of each step the page has how many samples of either kind lie between it and the
next, and from these counts every figure at every step follows without rounding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.predictions import UNKNOWN
from sfumato.report.evidence import LabelsMeasured, Measured

STEPS = 1000
MOST = 40
"""Of more classes those with the most samples have a slider."""


@dataclass(frozen=True)
class Counts:
    """N samples by the step at which they are last named, or answered."""

    name: str
    """Of the class that is named; empty where it is answers that are given."""
    start: int
    """Step at which the page begins: the threshold in use, rounded."""
    bins: tuple[tuple[int, int, int], ...]
    """(step, samples that are of the class, samples that are not), of steps with any; or of answers (step, right
    ones, wrong ones)."""

    @property
    def samples(self) -> int:
        """N."""
        return sum(yes + no for _, yes, no in self.bins)

    def figures(self, step: int) -> dict[str, float | None]:
        """At a step: precision, recall, F1 and share named; of answers the share given and how many of them are right.

        None where there is nothing to divide by.
        """
        yes = sum(count for at, count, _ in self.bins if at >= step)
        named = yes + sum(count for at, _, count in self.bins if at >= step)
        if not self.name:
            return {"right among them": _share(yes, named), "answered": _share(named, self.samples)}
        positives = sum(count for _, count, _ in self.bins)
        return {
            "precision": _share(yes, named),
            "recall": _share(yes, positives),
            "F1": _share(2 * yes, named + positives),
            "named": _share(named, self.samples),
        }

    @property
    def document(self) -> dict[str, Any]:
        """What the page's script reads."""
        return {"name": self.name, "start": self.start, "bins": self.bins}


@dataclass(frozen=True)
class Sliders:
    """One slider, for a class that can be chosen where there are several."""

    kind: Literal["naming", "answering"]
    counts: tuple[Counts, ...]
    classes: int
    """Those there are, with a slider or without."""


def sliders(measured: Measured | LabelsMeasured) -> Iterator[Sliders]:
    """Those of a measurement: naming a class of two or of several at once; answering at all where one is named."""
    if isinstance(measured, LabelsMeasured):
        yield _of_labels(measured)
        return
    rows = measured.results.classes
    if len(rows) == 2 and all(row.support for row in rows):
        yield Sliders("naming", (_of_two(measured),), 1)
    said = measured.verdicts
    chosen = measured.policy.abstention
    start = chosen.threshold if chosen is not None and chosen.by == "confidence" else 0.0
    right = said.predicted == measured.predictions.truth
    yield Sliders("answering", (_counts("", start, said.confidence, right),), 1)


def _of_two(measured: Measured) -> Counts:
    """Of the class that has a threshold, else of the one with fewer training images."""
    rows, thresholds = measured.results.classes, measured.policy.thresholds
    rarer = min((0, 1), key=lambda at: (rows[at].trained or 0, rows[at].support))
    place = rarer if thresholds is None else thresholds.places[0]
    start = 0.5 if thresholds is None else thresholds.fitted.classes[0].threshold
    return _counts(
        rows[place].name, start, measured.verdicts.probabilities[:, place], measured.predictions.truth == place
    )


def _of_labels(measured: LabelsMeasured) -> Sliders:
    names, there, truth = measured.predictions.labels.names, measured.predictions.there, measured.predictions.truth
    order = np.argsort(-there.sum(axis=0), kind="stable")[:MOST]
    places = sorted(cast(list[int], order.tolist()))
    starts = measured.policy.thresholds.values
    p = measured.verdicts.probabilities
    known = {at: truth[:, at] != UNKNOWN for at in places}  # who knows nothing of a class counts neither way
    counts = tuple(_counts(names[at], float(starts[at]), p[rows, at], there[rows, at]) for at, rows in known.items())
    return Sliders("naming", counts, len(names))


def _counts(name: str, start: float, scores: NDArray[np.float64], yes: NDArray[np.bool_]) -> Counts:
    steps = np.arange(STEPS + 1) / STEPS
    at = np.searchsorted(steps, scores, side="right") - 1  # the last step whose threshold the score reaches
    both = np.stack([np.bincount(at[kind], minlength=STEPS + 1) for kind in (yes, ~yes)], axis=1)
    there = np.flatnonzero(both.any(axis=1))
    bins = cast(list[list[int]], np.column_stack([there, both[there]]).tolist())
    return Counts(name, round(start * STEPS), tuple((step, one, other) for step, one, other in bins))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
