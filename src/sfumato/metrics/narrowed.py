"""What narrowing the candidates does; shapes: N samples, C classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.honesty import mean_interval
from sfumato.metrics.intervals import Interval, share_interval
from sfumato.metrics.labelled import Labelled
from sfumato.metrics.ranks import places
from sfumato.stored import stored

TOP = 5


@stored
@dataclass(frozen=True)
class NarrowedResults:
    """Of samples that were answered among all classes, and among those that agree with the elements found."""

    tau: float
    """Sureness of the elements from which on candidates were narrowed."""
    narrowed: Interval
    """Share of the samples whose candidates were, 0 to 1."""
    recall: Interval
    """Share of the samples whose true class remained, 0 to 1."""
    candidates: Interval
    """Mean number of classes that remained, 1 to C."""
    accuracy_all: Interval
    """Top-1 among all classes, 0 to 1."""
    accuracy: Interval
    """Top-1 among those that remained, 0 to 1."""
    top_5_all: Interval
    """Top-5 among all classes, 0 to 1."""
    top_5: Interval
    """Top-5 among those that remained, 0 to 1."""


def measure_narrowed(
    truth: NDArray[np.int64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    kept: NDArray[np.bool_],
    tau: float,
    groups: NDArray[np.int64] | None = None,
) -> NarrowedResults:
    """Measure N samples.

    Args:
        truth: (N,) class indices.
        before: (N, C) probabilities among all classes.
        after: (N, C) probabilities among those that are kept.
        kept: (N, C) which those are.
        tau: Of the rule.
        groups: (N,) number of the group each sample belongs to; None = each is on its own.
    """
    there = kept[np.arange(len(truth)), truth]
    all_places, places_left = places(Labelled(truth, before)), places(Labelled(truth, after))
    return NarrowedResults(
        tau=tau,
        narrowed=share_interval(np.asarray(~kept.all(axis=1), dtype=np.bool_), groups),
        recall=share_interval(there, groups),
        candidates=mean_interval(kept.sum(axis=1).astype(np.float64), groups),
        accuracy_all=share_interval(all_places == 1, groups),
        accuracy=share_interval((places_left == 1) & there, groups),
        top_5_all=share_interval(all_places <= TOP, groups),
        top_5=share_interval((places_left <= TOP) & there, groups),
    )
