"""How far a figure would move had other samples of the same kind been measured: intervals at level LEVEL.

Plain shares have Wilson's interval (Brown, Cai and DasGupta, Interval Estimation for a Binomial Proportion, Statistical
Science 2001), which has a width even where every sample is right. All else is resampled (percentile bootstrap). Samples
that belong together are resampled together, shares too: 100 pictures of 5 objects may say no more of other objects than
5 do (Cameron, Gelbach and Miller, Bootstrap-Based Improvements for Inference with Clustered Errors, 2008).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.classification import Counts, answer_counts, confusion_matrix, counts
from sfumato.stored import stored

RESAMPLES = 1000
LEVEL = 0.95
_CELLS_AT_ONCE = 2_000_000

Integers = NDArray[np.int64]
Score = Callable[[Counts], NDArray[np.float64]]


@stored
@dataclass(frozen=True)
class Interval:
    """A figure with its range at level LEVEL."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def wilson(share: float, samples: float) -> Interval:
    """Wilson's interval of a share of `samples` samples; without a sample it is all of 0 to 1."""
    if not samples:
        return Interval(share, 0.0, 1.0)
    z2 = NormalDist().inv_cdf((1 + LEVEL) / 2) ** 2
    centre = share + z2 / (2 * samples)
    reach = (z2 * (share * (1 - share) / samples + z2 / (4 * samples**2))) ** 0.5
    low, high = ((centre + side * reach) / (1 + z2 / samples) for side in (-1, 1))
    return Interval(share, max(0.0, min(low, share)), min(1.0, max(high, share)))


def share_interval(there: NDArray[np.bool_], groups: Integers | None = None) -> Interval:
    """Interval of the share of N samples that are something.

    Args:
        there: (N,) whether each is.
        groups: (N,) number of the group each belongs to; None = each is on its own.
    """
    share = float(there.mean()) if len(there) else 0.0
    if groups is None:
        return wilson(share, len(there))
    units = len(np.unique(groups))
    if share in (0, 1) or units == 1:  # no resample would differ
        return wilson(share, units)
    return sample_interval(lambda rows: float(there[rows].mean()), len(there), groups)


def score_interval(
    truth: Integers, predicted: Integers, classes: int, score: Score, groups: Integers | None = None
) -> Interval:
    """Interval of a mean over classes, of N answers.

    Where every answer is right, every one wrong, or all are of one group, no resample differs. There it is Wilson's, of
    the number of samples of which a plain share varies as much as the mean of the classes' shares does: C squared over
    the sum of 1 / n.

    Args:
        truth: (N,) class indices.
        predicted: (N,) class indices.
        classes: C.
        score: Of the counts; a mean over the classes that have a sample.
        groups: (N,) as in `share_interval`.
    """
    value = float(score(answer_counts(truth, predicted, classes)))
    if value in (0, 1) or (groups is not None and len(np.unique(groups)) == 1):
        return wilson(value, mean_worth(truth, np.arange(len(truth)) if groups is None else groups, classes))
    if groups is None:
        return confusion_interval(confusion_matrix(truth, predicted, classes), score)
    return sample_interval(
        lambda rows: float(score(answer_counts(truth[rows], predicted[rows], classes))), len(truth), groups
    )


def mean_worth(truth: Integers, units: Integers, classes: int) -> float:
    """Of how many samples a plain share varies as much as a mean over the classes does; 0 without a sample.

    Args:
        truth: (N,) class indices.
        units: (N,) number of what each belongs to and is counted as: itself, or its group.
        classes: C.
    """
    pairs = np.unique(np.stack([truth, units]), axis=1)
    sizes = np.bincount(pairs[0], minlength=classes)
    sizes = sizes[sizes > 0]
    return float(len(sizes) ** 2 / (1 / sizes).sum()) if len(sizes) else 0.0


def confusion_interval(
    confusion: Integers,
    score: Score,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Interval of a score of a (C, C) confusion matrix.

    Drawing N samples with replacement moves a score only through the cells they fall into, so the cells are drawn
    from their multinomial at once: the same distribution at a cost that does not depend on N.
    """
    value = float(score(counts(confusion)))
    if not confusion.sum():
        return Interval(value, value, value)
    draws = [score(c) for c in _resampled(confusion, resamples, np.random.default_rng(seed))]
    return percentiles(value, np.concatenate(draws))


def sample_interval(
    statistic: Callable[[Integers], float],
    samples: int,
    groups: Integers | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    *,
    biased: bool = False,
) -> Interval:
    """Interval of a statistic of N samples.

    Args:
        statistic: Gets the indices of a resample, (N,) or with groups about as many.
        samples: N.
        groups: (N,) as in `share_interval`.
        resamples: How many.
        seed: Of the draws.
        biased: Whether chance moves the statistic one way. Resamples hold that chance twice, so what they lie above
            the value on average is taken off them (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 10.2).
    """
    value = statistic(np.arange(samples))
    if not samples:
        return Interval(value, value, value)
    draws = np.array([statistic(rows) for rows in _rows(samples, groups, resamples, np.random.default_rng(seed))])
    return percentiles(value, np.maximum(0, draws - (draws.mean() - value)) if biased else draws)


def _rows(samples: int, groups: Integers | None, resamples: int, rng: np.random.Generator) -> Iterator[Integers]:
    """The indices of each resample; of groups as many as there are, each with all its samples."""
    if groups is None:
        yield from (rng.integers(0, samples, samples) for _ in range(resamples))
        return
    codes = np.unique(groups, return_inverse=True)[1]
    units = int(codes.max()) + 1
    for _ in range(resamples):
        times = np.bincount(rng.integers(0, units, units), minlength=units)
        yield np.repeat(np.arange(samples), times[codes])


def _resampled(confusion: Integers, resamples: int, rng: np.random.Generator) -> Iterator[Counts]:
    rows, columns = np.nonzero(confusion)
    total = int(confusion.sum())
    shares = confusion[rows, columns] / total
    classes = len(confusion)
    chunk = max(1, _CELLS_AT_ONCE // max(len(rows), classes))
    for start in range(0, resamples, chunk):
        drawn = rng.multinomial(total, shares, size=min(chunk, resamples - start))
        yield Counts(
            _sum_by(np.where(rows == columns, rows, classes), drawn, classes),
            _sum_by(rows, drawn, classes),
            _sum_by(columns, drawn, classes),
        )


def _sum_by(place: Integers, drawn: Integers, classes: int) -> Integers:
    """(R, cells) -> (R, classes): sums of the cells at each place; place = classes is left out."""
    order = np.argsort(place, kind="stable")
    present, starts = np.unique(place[order], return_index=True)
    sums = np.zeros((len(drawn), classes + 1), dtype=np.int64)
    sums[:, present] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return sums[:, :classes]


def percentiles(value: float, draws: NDArray[np.float64]) -> Interval:
    """A value with the range that LEVEL of its (R,) resamples lie in."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(value, float(low), float(high))
