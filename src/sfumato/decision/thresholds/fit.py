"""Fitting thresholds: an exact sweep a class, shrunk towards that of all classes, with the range of resamples."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.shrinkage import SHRINKAGE, trust
from sfumato.decision.thresholds.cuts import Cuts, cuts_of, resampled, thinned
from sfumato.decision.thresholds.rules import LeastCost, Rule, Swept
from sfumato.decision.thresholds.thresholds import ClassThreshold, Note, Thresholds
from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.intervals import LEVEL

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

LEAST_SAMPLES = 20
"""Below this many samples nothing is fitted."""
UNFITTED = 0.5
RESAMPLES = 200
_CUTS_RESAMPLED = 400
_ONE_SIDED_5_PERCENT = 1.645


def fit_thresholds(probabilities: Floats, there: Booleans, rule: Rule, shrinkage: float = SHRINKAGE) -> Thresholds:
    """The rule's best cut of each class, by n / (n + shrinkage); the rest is its best cut of all classes together.

    The shared threshold stands for a class without a sample, one that all samples are of, and one whose samples do not
    score above the others (rank test, one-sided, 5 %): of such a class the greatest F names everything. Once shrunk, a
    floor is kept only as far as the figures beside it say. A rule of costs needs no sample and shrinks nothing.

    Args:
        probabilities: (N, C), calibrated.
        there: (N, C) whether each sample is of each class.
        rule: What is best.
        shrinkage: k, at least 0.
    """
    refuse_not_finite(probabilities=probabilities)
    if isinstance(rule, LeastCost):
        rows = [_row(rule.threshold, *column, "from costs") for column in _columns(probabilities, there)]
        return Thresholds(rule, rule.threshold, shrinkage, 0, tuple(rows))
    if len(there) < LEAST_SAMPLES:
        rows = [_row(UNFITTED, *column, "too few samples") for column in _columns(probabilities, there)]
        return Thresholds(rule, UNFITTED, shrinkage, 0, tuple(rows))
    shared = _shared(probabilities, there, rule)
    rows = [_fit(*column, rule, shared, shrinkage) for column in _columns(probabilities, there)]
    return Thresholds(rule, shared, shrinkage, len(there), tuple(rows))


def _columns(probabilities: Floats, there: Booleans) -> Iterator[tuple[Floats, Booleans]]:
    return zip(np.ascontiguousarray(probabilities.T), np.ascontiguousarray(there.T), strict=True)


def _shared(probabilities: Floats, there: Booleans, rule: Swept) -> float:
    """The best cut of every pair of sample and class; UNFITTED where all pairs are the same."""
    if there.all() or not there.any():
        return UNFITTED
    cuts = cuts_of(probabilities.ravel(), there.ravel())
    return float(cuts.thresholds[rule.best(cuts)])


def _fit(scores: Floats, there: Booleans, rule: Swept, shared: float, shrinkage: float) -> ClassThreshold:
    cuts = cuts_of(scores, there)
    note = _wrong_with(cuts)
    if note:
        return _row(shared, scores, there, note)
    own = float(cuts.thresholds[rule.best(cuts)])
    threshold = _shrunk(np.array([own]), cuts.positives, shared, shrinkage)
    draws = resampled(thinned(cuts, _CUTS_RESAMPLED), RESAMPLES)
    each = _shrunk(draws.thresholds[rule.best(draws)], draws.positives[:, 0], shared, shrinkage)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(each, [tail, 1 - tail])
    return _row(float(threshold[0]), scores, there, "", own, (float(low), float(high)))


def _shrunk(own: Floats, positives: Floats, shared: float, shrinkage: float) -> Floats:
    weight = trust(positives.astype(np.int64), shrinkage)
    return weight * own + (1 - weight) * shared


def _wrong_with(cuts: Cuts) -> Note:
    """Why a class has no threshold of its own; empty where it has."""
    positives, negatives = float(cuts.positives[0]), float(cuts.negatives[0])
    if not positives:
        return "no positive"
    if not negatives:
        return "no negative"
    by_chance = ((positives + negatives + 1) / (12 * positives * negatives)) ** 0.5
    return "" if float(cuts.ranking) > 0.5 + _ONE_SIDED_5_PERCENT * by_chance else "scores say nothing"


def _row(
    threshold: float,
    scores: Floats,
    there: Booleans,
    note: Note,
    own: float | None = None,
    stable: tuple[float, float] | None = None,
) -> ClassThreshold:
    named = scores >= threshold
    hits, positives, count = (int(of.sum()) for of in (named & there, there, named))
    low, high = stable or (None, None)
    precision, recall, f1 = hits / max(1, count), hits / max(1, positives), 2 * hits / max(1, count + positives)
    return ClassThreshold(threshold, low, high, own, positives, precision, recall, f1, note)
