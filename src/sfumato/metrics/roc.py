"""A class against all others, cut at every score: the counts that ROC curve and precision are made of.

Shapes: T cuts, from the highest score to the lowest; a trailing `...` is nothing, or R resamples.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sfumato.metrics.resampling import Resamples

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Scores = NDArray[np.floating]


@dataclass(frozen=True)
class Roc:
    """The samples at T falling scores, those that samples of the class have."""

    own: Floats
    """(T, ...) samples of the class at the score."""
    above: Floats
    """(T, ...) samples of any class above it."""
    named: Floats
    """(T, ...) samples of any class at it or above."""
    samples: Floats
    """(...) all."""

    @property
    def hits(self) -> Floats:
        """(T, ...) samples of the class at the score or above."""
        return running(np.add, self.own)

    @property
    def support(self) -> Floats:
        """(...) samples of the class."""
        return self.own.sum(axis=0)


@dataclass(frozen=True)
class Cuts:
    """T stretches of scores, rising and apart; between two of them lies no sample of the class."""

    low: Scores
    high: Scores

    @classmethod
    def at(cls, own: Scores, most: int | None = None) -> "Cuts":
        """One for each score of the class, so T is the number of different ones.

        Args:
            own: Scores of its samples, ascending.
            most: More different scores than that are put together, as many to a stretch; None = never.
        """
        new = np.ones(len(own), dtype=bool)
        new[1:] = own[1:] != own[:-1]
        scores = own[new]
        if most is None or len(scores) <= most:
            return cls(scores, scores)
        first = np.arange(most) * len(scores) // most
        return cls(scores[first], scores[np.append(first[1:], len(scores)) - 1])


@dataclass(frozen=True)
class Ranked:
    """Scores in ascending order."""

    scores: Scores
    """(n,)"""
    unit: Integers | None = None
    """(n,) unit of `Resamples` that each belongs to; None = nothing is resampled."""

    @classmethod
    def of(cls, scores: Scores, unit: Integers | None = None) -> "Ranked":
        """Sort n scores."""
        if unit is None:
            return cls(np.sort(scores))
        order = np.argsort(scores)
        return cls(scores[order], unit[order])

    def bounds(self, cuts: Cuts) -> Integers:
        """(2T + 2,) places between which the scores below the first cut lie, in it, between it and the next, ..."""
        first = np.searchsorted(self.scores, cuts.low, "left")
        last = first.copy()
        filled = np.flatnonzero(first < len(self.scores))
        filled = filled[self.scores[first[filled]] <= cuts.high[filled]]
        last[filled] = np.searchsorted(self.scores, cuts.high[filled], "right")
        return np.concatenate([[0], np.stack([first, last], axis=1).ravel(), [len(self.scores)]])

    def counts(self, cuts: Cuts) -> Floats:
        """(2T + 1,) scores in each of these places."""
        return np.diff(self.bounds(cuts)).astype(np.float64)

    def drawn(self, cuts: Cuts, resamples: Resamples) -> Floats:
        """(2T + 1, R) the same in each resample."""
        assert self.unit is not None
        bounds, units = self.bounds(cuts), len(resamples.drawn)
        places = len(bounds) - 1
        if places * units > 20 * len(self.unit):
            ones = np.ones(len(self.unit))
            return np.asarray(sparse.csr_array((ones, self.unit, bounds), shape=(places, units)) @ resamples.drawn)
        by_unit = np.zeros((places, units))
        self.add_to(by_unit, cuts)
        return by_unit @ resamples.drawn

    def add_to(self, by_unit: Floats, cuts: Cuts) -> None:
        """Count the scores in each of these places into (2T + 1, U) of each unit."""
        assert self.unit is not None
        firsts = np.arange(len(by_unit)) * by_unit.shape[1]
        cells = np.repeat(firsts, np.diff(self.bounds(cuts))) + self.unit
        np.add.at(by_unit.reshape(-1), cells, 1.0)


def roc(everyone: Floats, own: Floats) -> Roc:
    """From the samples in the 2T + 1 places of T cuts.

    Args:
        everyone: (2T + 1, ...) all samples, lowest scores first.
        own: (2T + 1, ...) those of the class.
    """
    named = running(np.add, everyone[::-1])
    return Roc(own[::-1][1::2], named[:-1:2], named[1::2], named[-1])


def area(found: Roc) -> Floats:
    """(...) area under the ROC curve: how often a sample of the class scores above one of another, ties counting half.

    Scikit-learn's roc_auc_score; nan where there is no sample of the class, or of no other. Hanley and McNeil, The
    Meaning and Use of the Area under a ROC Curve, Radiology 1982.
    """
    others = found.samples - found.support
    passed, tied = found.above - (found.hits - found.own), found.named - found.hits
    return over((found.own * (others - (passed + tied) / 2)).sum(axis=0), found.support * others)


def equal_error_rate(found: Roc) -> Floats:
    """(...) the false positive rate where it equals the false negative rate, 0 to 1.

    The ROC curve is joined by straight lines between different scores, as roc_curve's is when it is drawn: a rate
    between two thresholds is that of choosing one of them by lot. nan where there is no sample of the class, or of no
    other.
    """
    others, hits = found.samples - found.support, found.hits
    false_alarms = _joined(found.above - (hits - found.own), found.named - hits, others)
    missed = found.support - _joined(hits - found.own, hits, found.support)
    rates = over(false_alarms, np.broadcast_to(others, false_alarms.shape))
    ahead = over(missed, np.broadcast_to(found.support, missed.shape)) - rates
    last = np.where(np.isnan(ahead), 0, ahead > 0).sum(axis=0).astype(np.int64)
    return _crossing(rates, ahead, np.clip(last, 1, len(ahead) - 1))


def _joined(before: Floats, after: Floats, end: Floats) -> Floats:
    """(2T + 2, ...) counts from nothing to everything: before and after each score in turn."""
    turns = np.stack([before, after], axis=1).reshape(-1, *before.shape[1:])
    return np.concatenate([np.zeros((1, *before.shape[1:])), turns, end[np.newaxis]])


def _crossing(rates: Floats, ahead: Floats, place: Integers) -> Floats:
    """Where `ahead` passes 0 on the line that ends at `place`."""
    at, before = np.expand_dims(place, 0), np.expand_dims(place - 1, 0)
    rate_0, rate_1, ahead_0, ahead_1 = (
        np.take_along_axis(of, index, axis=0)[0] for of in (rates, ahead) for index in (before, at)
    )
    share = over(ahead_0, ahead_0 - ahead_1)
    return rate_0 + share * (rate_1 - rate_0)


def running(join: np.ufunc, rows: Floats) -> Floats:
    """(T, ...) `join` of each row with all before it; row by row, which numpy's own is many times slower at."""
    if rows.ndim == 1:
        return join.accumulate(rows)
    found = rows.copy()
    for last, row in pairwise(found):
        join(last, row, out=row)
    return found


def over(part: Floats, whole: Floats) -> Floats:
    """Their ratio; nan where the whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)
