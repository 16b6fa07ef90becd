"""Two sets of answers to the same samples: how far apart they score, and whether chance alone would part them so.

Both are told apart by the samples where they disagree, so the difference is known far better than either score: the
same resamples measure both (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 8.3).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.classification import SCORES, Counts, ScoreName, answer_counts
from sfumato.metrics.intervals import RESAMPLES, Interval, Score, percentiles, sample_interval, sum_by, wilson

Integers = NDArray[np.int64]
_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class McNemar:
    """McNemar's exact test of two sets of answers."""

    only_a: int
    """Samples that the first alone has right."""
    only_b: int
    """Samples that the second alone has right."""
    p: float
    """Chance of a split at least as uneven if both are right equally often, 0 to 1; two-sided."""


def paired_difference(
    truth: Integers,
    predicted_a: Integers,
    predicted_b: Integers,
    score: ScoreName = "accuracy",
    groups: Integers | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """How much higher the first scores than the second, -1 to 1, with its interval at level `intervals.LEVEL`.

    Percentile bootstrap of the pairs. Without groups, drawing N samples moves both scores only through the cells
    (truth, first answer, second answer) they fall into, so these are drawn from their multinomial at once: exact, at
    a cost that does not depend on N. Where no resample would differ (the two never disagree, or all samples are of one
    group) the width is that of a share of 0 by Wilson.

    Args:
        truth: (N,) class indices.
        predicted_a: (N,) class indices of the first.
        predicted_b: (N,) class indices of the second.
        score: Which.
        groups: (N,) number of the group each sample belongs to, which is resampled whole; None = each is on its own.
        resamples: How many.
        seed: Of the draws.
    """
    classes = 1 + max((int(one.max(initial=0)) for one in (truth, predicted_a, predicted_b)), default=0)
    measure = SCORES[score]

    def difference(rows: Integers) -> float:
        a, b = (answer_counts(truth[rows], said[rows], classes) for said in (predicted_a, predicted_b))
        return float(measure(a) - measure(b))

    value = difference(np.arange(len(truth)))
    units = len(truth) if groups is None else len(np.unique(groups))
    if units < 2 or np.array_equal(predicted_a, predicted_b):
        reach = wilson(0.0, units).high
        return Interval(value, max(-1.0, value - reach), min(1.0, value + reach))
    if groups is not None:
        return sample_interval(difference, len(truth), groups, resamples, seed)
    return percentiles(value, _drawn((truth, predicted_a, predicted_b), measure, classes, resamples, seed))


def mcnemar(truth: Integers, predicted_a: Integers, predicted_b: Integers) -> McNemar:
    """McNemar's exact test (McNemar, Psychometrika 1947): the samples that only one has right, as throws of a coin.

    It takes each sample to be on its own; where samples belong together its p is too small, and the interval of
    `paired_difference` by groups is what counts. Without a sample to tell them apart p is 1. All arrays are (N,).
    """
    return mcnemar_of(predicted_a == truth, predicted_b == truth)


def mcnemar_of(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> McNemar:
    """The same from (N,) whether each of them has a sample right."""
    from scipy import stats  # half a second that most of the program never needs

    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    if not only_a + only_b:
        return McNemar(0, 0, 1.0)
    return McNemar(only_a, only_b, float(stats.binomtest(only_a, only_a + only_b).pvalue))


def _drawn(
    pairs: tuple[Integers, Integers, Integers], score: Score, classes: int, resamples: int, seed: int
) -> NDArray[np.float64]:
    """(R,) differences of resamples of (N,) truth, first and second answers."""
    truth, predicted_a, predicted_b = pairs
    codes, often = np.unique((truth * classes + predicted_a) * classes + predicted_b, return_counts=True)
    true, said_a, said_b = codes // classes**2, codes // classes % classes, codes % classes
    rng, chunk = np.random.default_rng(seed), max(1, _CELLS_AT_ONCE // max(len(often), classes))
    draws: list[NDArray[np.float64]] = []
    for start in range(0, resamples, chunk):
        drawn = rng.multinomial(len(truth), often / len(truth), size=min(chunk, resamples - start))
        a, b = (_counts(drawn, true, said, classes) for said in (said_a, said_b))
        draws.append(score(a) - score(b))
    return np.concatenate(draws)


def _counts(drawn: Integers, truth: Integers, said: Integers, classes: int) -> Counts:
    """Counts (R, C) from how often each cell was drawn, (R, cells)."""
    hits = sum_by(np.where(truth == said, truth, classes), drawn, classes)
    return Counts(hits, sum_by(truth, drawn, classes), sum_by(said, drawn, classes))
