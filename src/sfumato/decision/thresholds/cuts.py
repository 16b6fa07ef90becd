"""Every place where one class's scores can be cut, and what each cut does: what all rules choose from.

A cut names the samples whose score is at least its threshold.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cuts:
    """K cuts, from the one that names fewest samples, at least one, to that which names all that can be named.

    The last axis of each array is the cuts; a leading `...` is any number of resamples.
    """

    thresholds: Floats
    """(K,) falling: the middle between the lowest score named and the next below it; of the last cut between the lowest
    score and 0."""
    hits: Floats
    """(..., K) samples of the class that are named."""
    alarms: Floats
    """(..., K) other samples that are named."""
    positives: Floats
    """(..., 1) samples of the class."""
    negatives: Floats
    """(..., 1) other samples."""

    @property
    def ranking(self) -> Floats:
        """(...) area under the ROC curve: how often a sample of the class scores above another; of equal scores, half.

        0.5 where either is missing. Of cuts that can name every sample.
        """
        before = np.concatenate([np.zeros_like(self.hits[..., :1]), self.hits[..., :-1]], axis=-1)
        fresh = np.diff(self.alarms, prepend=0.0, axis=-1)
        area = (fresh * (before + self.hits) / 2).sum(axis=-1)
        pairs = (self.positives * self.negatives)[..., 0]
        return np.divide(area, pairs, out=np.full(np.shape(area), 0.5), where=pairs > 0)

    @property
    def precision(self) -> Floats:
        """(..., K) share of the named samples that are of the class; 0 where none is named."""
        return _share(self.hits, self.hits + self.alarms)

    @property
    def recall(self) -> Floats:
        """(..., K) share of the class's samples that are named; 0 without one."""
        return _share(self.hits, self.positives)

    @property
    def false_alarms(self) -> Floats:
        """(..., K) share of the other samples that are named; 0 without one."""
        return _share(self.alarms, self.negatives)

    def f_beta(self, beta: float) -> Floats:
        """(..., K) the weighted harmonic mean of precision and recall, recall counting beta times as much; 0 to 1."""
        b2 = beta * beta
        return _share((1 + b2) * self.hits, b2 * self.positives + self.hits + self.alarms)

    def weighed(self, positive: float, negative: float) -> "Cuts":
        """The same, a sample of the class counting `positive` and any other `negative`, both above 0."""
        hits, alarms = positive * self.hits, negative * self.alarms
        return Cuts(self.thresholds, hits, alarms, positive * self.positives, negative * self.negatives)


def cuts_of(scores: NDArray[np.floating], there: NDArray[np.bool_], among: NDArray[np.bool_] | None = None) -> Cuts:
    """All cuts of (N,) scores from 0 to 1, with (N,) whether each sample is of the class.

    Samples of equal score are named together or not at all. `among`: (N,) whether a sample can be named; None = all
    can. Those that can't are missed by every cut if they are of the class.

    Raises:
        InputError: No sample that can be named, or a score is not finite.
    """
    positives = np.array([there.sum()], dtype=np.float64)
    negatives = len(there) - positives
    if among is not None:
        scores, there = scores[among], there[among]
    if not len(scores):
        raise InputError("scores of no sample", expected="1 or more")
    refuse_not_finite(scores=scores)
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    last = np.append(np.diff(ordered) != 0, True)
    below = np.append(ordered[1:], 0.0)[last]
    hits = np.cumsum(there[order])[last].astype(np.float64)
    alarms = np.flatnonzero(last) + 1 - hits
    return Cuts(_between(ordered[last], below), hits, alarms, positives, negatives)


def thinned(cuts: Cuts, most: int) -> Cuts:
    """About `most` of the cuts: half of them evenly among those that gain a hit, half among all, and the last."""
    gaining = np.flatnonzero(np.diff(cuts.hits, prepend=0.0))
    every = np.arange(len(cuts.thresholds))
    if len(every) <= most:
        return cuts
    picked = [_evenly(of, most // 2) for of in (gaining, every, gaining[gaining > 0] - 1)]
    kept = np.unique(np.concatenate([*picked, every[-1:]]))
    return Cuts(cuts.thresholds[kept], cuts.hits[kept], cuts.alarms[kept], cuts.positives, cuts.negatives)


def resampled(cuts: Cuts, resamples: int, seed: int = 0) -> Cuts:
    """The same cuts of (R, K) resamples: each sample is drawn a number of times that is Poisson of mean 1.

    The bootstrap of a stream of samples (Chamandy et al., Estimating Uncertainty for Massive Data Streams, 2012). The
    sum of n such numbers is Poisson of mean n, so what lies between two cuts is drawn at once, at a cost that does not
    depend on how many samples there are.
    """
    rng = np.random.default_rng(seed)
    hits, alarms = (
        rng.poisson(np.diff(of, prepend=0.0, append=total), (resamples, len(of) + 1)).cumsum(axis=1).astype(np.float64)
        for of, total in ((cuts.hits, cuts.positives), (cuts.alarms, cuts.negatives))
    )
    return Cuts(cuts.thresholds, hits[:, :-1], alarms[:, :-1], hits[:, -1:], alarms[:, -1:])


def _between(named: Floats, below: Floats) -> Floats:
    """The middle of neighbours; of two without a number between them the upper, which is named."""
    middle = below + (named - below) / 2
    return np.where(middle > below, middle, named)


def _evenly(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return places[np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(np.int64)]


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)
