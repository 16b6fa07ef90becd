"""One of two classes, named from any threshold on: precision, recall, F1, and how it is answered. Plain data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.thresholds.answering import AnswerThresholds
from sfumato.decision.thresholds.cuts import Cuts, cuts_of, thinned
from sfumato.metrics.results import ClassRow, Results
from sfumato.report.evidence import Measured

POINTS = 400
"""A curve of more cuts is thinned to about so many."""


@dataclass(frozen=True)
class Naming:
    """A threshold and what naming the class from it on does; all from 0 to 1."""

    threshold: float | None
    """Least probability at which the class is named; None = none tells what is named from what is not."""
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class TwoClassFrame:
    """The rarer of two classes, or the one that has a threshold."""

    name: str
    namings: tuple[Naming, ...]
    """By falling threshold, from the one that names fewest images to that which names all."""
    chosen: Naming
    """How the answers are given."""
    best: Naming
    """The greatest F1 of all: these images chose it, so it is no result."""
    share: float
    """Of the images, that are of the class: the precision of naming at random."""
    area: float
    """Average precision."""
    stable: tuple[float, float] | None = None
    """The range of the thresholds that resamples of validation choose; None = none was fitted."""


def two_class_frame(measured: Measured) -> TwoClassFrame | None:
    """The curves of a measurement; None unless there are two classes, each with an image."""
    rows = measured.results.classes
    if len(rows) != 2 or not all(row.support for row in rows):
        return None
    thresholds = measured.policy.thresholds
    place = _rarer(measured.results) if thresholds is None else thresholds.places[0]
    scores, there = measured.verdicts.probabilities[:, place], measured.predictions.truth == place
    whole = cuts_of(scores, there)
    best = int(whole.f_beta(1).argmax())
    cuts = thinned(whole, POINTS)
    area = rows[place].average_precision
    return TwoClassFrame(
        rows[place].name,
        tuple(_naming(cuts, index) for index in range(len(cuts.thresholds))),
        _chosen(scores, measured.verdicts.predicted == place, there, thresholds),
        _naming(whole, best),
        float(there.mean()),
        float((np.diff(whole.recall, prepend=0.0) * whole.precision).sum()) if area is None else area,
        None if thresholds is None else _stable(thresholds),
    )


def _stable(thresholds: AnswerThresholds) -> tuple[float, float] | None:
    row = thresholds.fitted.classes[0]
    return None if row.low is None or row.high is None else (row.low, row.high)


def _rarer(results: Results) -> int:
    """The class with fewer training images; where these are not known or equal, fewer here; else the second."""

    def images(row: ClassRow) -> tuple[int, int]:
        return (row.trained or 0, row.support)

    first, second = results.classes
    return 0 if images(first) < images(second) else 1


def _naming(cuts: Cuts, index: int) -> Naming:
    figures = (cuts.thresholds, cuts.precision, cuts.recall, cuts.f_beta(1))
    return Naming(*(float(of[index]) for of in figures))


def _chosen(
    scores: NDArray[np.float64],
    named: NDArray[np.bool_],
    there: NDArray[np.bool_],
    thresholds: AnswerThresholds | None,
) -> Naming:
    """What the answers do, whatever gave them."""
    hits, count, positives = int((named & there).sum()), int(named.sum()), int(there.sum())
    precision, recall, f1 = hits / max(1, count), hits / max(1, positives), 2 * hits / max(1, count + positives)
    threshold = _threshold(scores, named) if thresholds is None else thresholds.fitted.classes[0].threshold
    return Naming(threshold, precision, recall, f1)


def _threshold(scores: NDArray[np.float64], named: NDArray[np.bool_]) -> float | None:
    """What tells the named from the others: a half if it does, as where the likelier class is named."""
    lowest, highest = float(scores[named].min(initial=1)), float(scores[~named].max(initial=0))
    if lowest < highest:
        return None
    return 0.5 if highest <= 0.5 <= lowest else (lowest + highest) / 2
