"""Two sets of answers to the same samples, each of any number of classes: how far apart their F1 scores are."""

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.classification import Counts, macro_f1
from sfumato.metrics.f_scores import label_hits
from sfumato.metrics.intervals import Interval, percentiles, wilson
from sfumato.metrics.resampling import Resamples, resample

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]


def paired_macro_f1(there: Booleans, named_a: Booleans, named_b: Booleans, groups: Integers | None = None) -> Interval:
    """How much higher the macro-F1 of the first is, -1 to 1, with its interval; the same resamples measure both.

    Where no resample would differ (the two never disagree, or all samples are of one group) the width is that of a
    share of 0 by Wilson, as in `paired.paired_difference`.

    Args:
        there: (N, C) whether each sample is of each class, all of it known.
        named_a: (N, C) whether the first names it.
        named_b: (N, C) whether the second does.
        groups: (N,) number of the group each sample belongs to, resampled whole; None = each is on its own.
    """
    value = float(macro_f1(_whole(there, named_a)) - macro_f1(_whole(there, named_b)))
    units = len(there) if groups is None else len(np.unique(groups))
    if units < 2 or np.array_equal(named_a, named_b):
        reach = wilson(0.0, units).high
        return Interval(value, max(-1.0, value - reach), min(1.0, value + reach))
    drawn = resample(len(there), groups, there.shape[1])
    first, second = (macro_f1(_drawn(there, named, drawn)) for named in (named_a, named_b))
    return percentiles(value, first - second)


def _whole(there: Booleans, named: Booleans) -> Counts:
    return Counts(*(of.sum(axis=0) for of in label_hits(there, named)))


def _drawn(there: Booleans, named: Booleans, drawn: Resamples) -> Counts:
    """Counts (R, C) of each resample."""
    return Counts(*(np.rint(drawn.sums(of)).astype(np.int64) for of in label_hits(there, named)))
