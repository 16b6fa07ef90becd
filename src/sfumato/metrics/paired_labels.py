"""Two sets of answers to the same samples of any number of classes: how far apart they score; as `paired` does of one.

Both are measured in the same resamples. Where a resample lacks a class, it is left out of the mean of either; and what
chance raises an average precision by, it raises both by.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.classification import Counts, f1, macro_f1
from sfumato.metrics.f_scores import averaged, label_counts, label_hits
from sfumato.metrics.intervals import Interval, percentiles, wilson
from sfumato.metrics.label_scores import LabelScoreName, exact_matches, selection_scores
from sfumato.metrics.labelled import Labelled
from sfumato.metrics.membership import Labels, complete
from sfumato.metrics.ranking import FIGURES, drawn_figure
from sfumato.metrics.resampling import Resamples, resample

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class LabelAnswers:
    """What one says of N samples over C classes."""

    scores: Floats
    """(N, C) logits or probabilities, comparable down each column."""
    named: NDArray[np.bool_]
    """(N, C) whether each class is named."""


@dataclass(frozen=True)
class Drawn:
    """A score with what it is in each of R resamples."""

    value: float
    draws: Doubles
    """(R,); nan where a resample has no sample of any class."""


def label_difference(
    truth: NDArray[np.generic],
    a: LabelAnswers,
    b: LabelAnswers,
    score: LabelScoreName,
    groups: Integers | None = None,
) -> Interval:
    """How much higher the first scores than the second, -1 to 1, with its interval at level `intervals.LEVEL`.

    Args:
        truth: (N, C) as in `labelled.Labelled`.
        a: Answers of the first.
        b: Of the second.
        score: Which.
        groups: (N,) number of the group each sample belongs to, which is resampled whole; None = each is on its own.
    """
    drawn = resample(len(truth), groups, truth.shape[1])
    found = [drawn_score(truth, one, score, drawn) for one in (a, b)]
    return difference(found[0], found[1], _units(truth, groups))


def drawn_score(truth: NDArray[np.generic], said: LabelAnswers, score: LabelScoreName, drawn: Resamples) -> Drawn:
    """A score of `label_scores.selection_scores`, and that of every resample; arguments as `label_difference`."""
    if not len(truth):
        return Drawn(0.0, np.zeros(1))
    value = selection_scores(truth, said.scores, said.named)[score]
    if score == "accuracy":
        whole = complete(truth)
        exact = np.zeros(len(truth), dtype=np.bool_)
        exact[whole] = exact_matches(truth, said.named)
        return Drawn(value, drawn.means(exact) if whole.all() else drawn.means(exact, whole))
    if score == "map":
        return Drawn(value, drawn_figure(Labelled(truth, said.scores), FIGURES["map"], drawn))
    hits = _counted(truth, said.named, drawn)
    return Drawn(value, macro_f1(hits) if score == "macro_f1" else averaged(f1, hits, "micro"))


def difference(a: Drawn, b: Drawn, units: int) -> Interval:
    """The first less the second; where no resample differs, as wide as a share of 0 of so many units by Wilson."""
    value, draws = a.value - b.value, a.draws - b.draws
    draws = draws[~np.isnan(draws)]
    if not len(draws) or np.ptp(draws) < 1e-12:
        reach = wilson(0.0, units).high
        return Interval(value, max(-1.0, value - reach), min(1.0, value + reach))
    return percentiles(value, draws)


def paired_macro_f1(
    truth: Labels, named_a: NDArray[np.bool_], named_b: NDArray[np.bool_], groups: Integers | None = None
) -> Interval:
    """How much higher the macro-F1 of the first is, -1 to 1, with its interval; the same resamples measure both.

    Where no resample would differ (the two never disagree, or all samples are of one group) the width is that of a
    share of 0 by Wilson, as in `paired.paired_difference`.

    Args:
        truth: (N, C) as in `membership`; what is not known counts nowhere.
        named_a: (N, C) whether the first names it.
        named_b: (N, C) whether the second does.
        groups: (N,) number of the group each sample belongs to, resampled whole; None = each is on its own.
    """
    drawn = resample(len(truth), groups, truth.shape[1])
    a, b = (
        Drawn(float(macro_f1(label_counts(truth, named))), macro_f1(_counted(truth, named, drawn)))
        for named in (named_a, named_b)
    )
    return difference(a, b, _units(truth, groups))


def _units(truth: NDArray[np.generic], groups: Integers | None) -> int:
    return len(truth) if groups is None else len(np.unique(groups))


def _counted(truth: NDArray[np.generic], named: NDArray[np.bool_], drawn: Resamples) -> Counts:
    """Counts (R, C) of each resample."""
    return Counts(*(np.rint(drawn.sums(of)).astype(np.int64) for of in label_hits(truth, named)))
