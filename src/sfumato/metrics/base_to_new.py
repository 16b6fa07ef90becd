"""What training on some classes did to them, and to classes that were not trained on (Zhou et al., CVPR 2022, CoCoOp).

Both networks are measured on the same samples and in the same resamples. Shapes: N samples, C classes.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.intervals import Interval, percentiles
from sfumato.metrics.label_scores import LabelScoreName
from sfumato.metrics.paired_labels import Drawn, LabelAnswers, difference, drawn_score
from sfumato.metrics.resampling import Resamples, resample

Scores = dict[str, dict[str, Drawn]]
KINDS = ("seen", "unseen", "harmonic")


@dataclass(frozen=True)
class Moved:
    """A score before and after."""

    before: Interval
    after: Interval
    change: Interval
    """After less before, paired."""


@dataclass(frozen=True)
class BaseToNew:
    """Scores of the classes that were trained on, of those that were not, and their harmonic mean."""

    samples: int
    map: dict[str, Moved]
    """Of `seen`, `unseen` and `harmonic`: mean average precision, all-point."""
    macro_f1: dict[str, Moved]
    """The same of macro-F1 at the thresholds that were fitted, or borrowed."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def base_to_new(
    truth: NDArray[np.generic],
    before: LabelAnswers,
    after: LabelAnswers,
    unseen: NDArray[np.bool_],
    groups: NDArray[np.int64] | None = None,
) -> BaseToNew:
    """Measure both.

    Args:
        truth: (N, C) as in `labelled.Labelled`, N at least 1.
        before: What is said without training.
        after: What is said once the classes outside `unseen` were trained on.
        unseen: (C,) whether a class was not trained on; some are and some are not.
        groups: (N,) number of the group each sample belongs to, which is resampled whole; None = each is on its own.
    """
    drawn, units = (
        resample(len(truth), groups, truth.shape[1]),
        len(truth) if groups is None else len(np.unique(groups)),
    )

    def moved(score: LabelScoreName) -> dict[str, Moved]:
        first, last = (_by_kind(truth, said, unseen, score, drawn) for said in (before, after))
        return {
            kind: Moved(_interval(first[kind]), _interval(last[kind]), difference(last[kind], first[kind], units))
            for kind in KINDS
        }

    return BaseToNew(len(truth), moved("map"), moved("macro_f1"))


def harmonic(a: Drawn, b: Drawn) -> Drawn:
    """2 a b / (a + b) of a score and of each of its resamples; 0 where both are."""
    draws = 2 * a.draws * b.draws / np.maximum(a.draws + b.draws, 1e-12)
    return Drawn(2 * a.value * b.value / max(a.value + b.value, 1e-12), draws)


def _by_kind(
    truth: NDArray[np.generic], said: LabelAnswers, unseen: NDArray[np.bool_], score: LabelScoreName, drawn: Resamples
) -> dict[str, Drawn]:
    seen, new = (
        drawn_score(truth[:, some], LabelAnswers(said.scores[:, some], said.named[:, some]), score, drawn)
        for some in (~unseen, unseen)
    )
    return {"seen": seen, "unseen": new, "harmonic": harmonic(seen, new)}


def _interval(found: Drawn) -> Interval:
    draws = found.draws[~np.isnan(found.draws)]
    return percentiles(found.value, draws) if len(draws) else Interval(found.value, found.value, found.value)
