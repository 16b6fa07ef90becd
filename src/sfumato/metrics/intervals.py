"""Bootstrap intervals: how far a score would move had other samples of the same kind been measured."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.classification import Counts, counts

RESAMPLES = 1000
LEVEL = 0.95
_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A score with the range that holds LEVEL of its bootstrap resamples (percentile method)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def confusion_interval(
    confusion: NDArray[np.int64],
    score: Callable[[Counts], NDArray[np.float64]],
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
    return _percentile(value, np.concatenate(draws))


def sample_interval(
    statistic: Callable[[NDArray[np.int64]], float], samples: int, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Interval of a statistic of N samples; `statistic` gets (N,) indices of a resample."""
    value = statistic(np.arange(samples))
    if not samples:
        return Interval(value, value, value)
    rng = np.random.default_rng(seed)
    return _percentile(value, np.array([statistic(rng.integers(0, samples, samples)) for _ in range(resamples)]))


def _resampled(confusion: NDArray[np.int64], resamples: int, rng: np.random.Generator) -> Iterator[Counts]:
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


def _sum_by(place: NDArray[np.int64], drawn: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """(R, cells) -> (R, classes): sums of the cells at each place; place = classes is left out."""
    order = np.argsort(place, kind="stable")
    present, starts = np.unique(place[order], return_index=True)
    sums = np.zeros((len(drawn), classes + 1), dtype=np.int64)
    sums[:, present] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return sums[:, :classes]


def _percentile(value: float, draws: NDArray[np.float64]) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(value, float(low), float(high))
