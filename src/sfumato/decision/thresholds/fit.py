"""Fitting thresholds: an exact sweep a class, shrunk towards that of all classes, with the range of resamples."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.shrinkage import SHRINKAGE, trust
from sfumato.decision.thresholds.cuts import cuts_of, resampled, thinned
from sfumato.decision.thresholds.rules import LeastCost, Rule, Swept
from sfumato.decision.thresholds.thresholds import ClassThreshold, Note, Thresholds
from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.intervals import LEVEL
from sfumato.metrics.membership import Labels, answered

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

LEAST_SAMPLES = 20
"""Below this many samples of known answer nothing is fitted, and to a class of fewer nothing of its own."""
UNFITTED = 0.5
RESAMPLES = 200
_CUTS_RESAMPLED = 400
_ONE_SIDED_5_PERCENT = 1.645


def fit_thresholds(
    probabilities: Floats,
    truth: Labels,
    rule: Rule,
    shrinkage: float = SHRINKAGE,
    *,
    among: Booleans | None = None,
    shared: float | None = None,
    frequencies: tuple[float, float] | None = None,
) -> Thresholds:
    """The rule's best cut of each class, by n / (n + shrinkage); the rest is its best cut of all classes together.

    Each class goes by the samples of which it is known whether they are of it. The shared threshold stands for a class
    of which that is known of too few, one without a sample, one that all samples are of, one that no sample can be
    named, and one whose samples do not score above the others (rank test, one-sided, 5 %): of such a class the greatest
    F names everything. Once shrunk, a floor is kept only as far as the figures beside it say. A rule of costs needs no
    sample and shrinks nothing.

    Args:
        probabilities: (N, C), calibrated.
        truth: (N, C) as in `metrics.membership`.
        rule: What is best.
        shrinkage: k, at least 0.
        among: (N, C) whether each sample can be named each class at all, such as its likeliest one; None = it can. Then
            what is not fitted is 0, so that it holds nothing back.
        shared: The shared threshold, 0 to 1; None = the rule's best cut of all classes together.
        frequencies: Of a single class: how frequent it is where the threshold is used, and how frequent all others, of
            which only the ratio matters; None = as among these samples.
    """
    refuse_not_finite(probabilities=probabilities)
    known, unfitted = answered(truth, truth.shape[1]), UNFITTED if among is None else 0.0
    named = np.full(truth.shape, True) if among is None else among
    columns = [_Column(*parts, _weights(parts[1], frequencies)) for parts in _columns(probabilities, truth, named)]
    if isinstance(rule, LeastCost):
        rows = [_row(rule.threshold, column, "from costs") for column in columns]
        return Thresholds(rule, rule.threshold, shrinkage, 0, tuple(rows))
    if known.sum(axis=0).max(initial=0) < LEAST_SAMPLES:
        rows = [_row(unfitted, column, "too few samples") for column in columns]
        return Thresholds(rule, unfitted, shrinkage, 0, tuple(rows))
    if shared is None:
        pairs = probabilities[known], truth[known] == 1, None if among is None else among[known]
        shared = _shared(*pairs, rule, unfitted)
    rows = [_fit(column, rule, shared, shrinkage) for column in columns]
    return Thresholds(rule, shared, shrinkage, int(known.any(axis=1).sum()), tuple(rows))


@dataclass(frozen=True)
class _Column:
    """One class; each (n,), of the samples of which it is known whether they are of it."""

    scores: Floats
    there: Booleans
    among: Booleans
    """Whether the sample can be named it."""
    weights: tuple[float, float]
    """What a sample of the class counts, and any other."""


def _columns(probabilities: Floats, truth: Labels, among: Booleans) -> Iterator[tuple[Floats, Booleans, Booleans]]:
    parts = (probabilities, truth == 1, among, answered(truth, truth.shape[1]))
    for scores, there, named, known in zip(*(np.ascontiguousarray(part.T) for part in parts), strict=True):
        yield scores[known], there[known], named[known]


def _weights(there: Booleans, frequencies: tuple[float, float] | None) -> tuple[float, float]:
    """Under which the class and the others are as frequent as asked for."""
    if frequencies is None:
        return (1.0, 1.0)
    positives = int(there.sum())
    return frequencies[0] / max(1, positives), frequencies[1] / max(1, len(there) - positives)


def _shared(probabilities: Floats, there: Booleans, among: Booleans | None, rule: Swept, unfitted: float) -> float:
    """The best cut of (P,) pairs of a sample and a class; `unfitted` where all pairs are the same."""
    named = there if among is None else there[among]
    if named.all() or not named.any():
        return unfitted
    cuts = cuts_of(probabilities, there, among)
    return float(cuts.thresholds[rule.best(cuts)])


def _fit(column: _Column, rule: Swept, shared: float, shrinkage: float) -> ClassThreshold:
    note = _wrong_with(column)
    if note:
        return _row(shared, column, note)
    cuts = cuts_of(column.scores, column.there, column.among)
    own = float(cuts.thresholds[rule.best(cuts.weighed(*column.weights))])
    threshold = _shrunk(np.array([own]), cuts.positives, shared, shrinkage)
    draws = resampled(thinned(cuts, _CUTS_RESAMPLED), RESAMPLES)
    chosen = draws.thresholds[rule.best(draws.weighed(*column.weights))]
    each = _shrunk(chosen, draws.positives[:, 0], shared, shrinkage)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(each, [tail, 1 - tail])
    return _row(float(threshold[0]), column, "", own, (float(low), float(high)))


def _shrunk(own: Floats, positives: Floats, shared: float, shrinkage: float) -> Floats:
    weight = trust(positives.astype(np.int64), shrinkage)
    return weight * own + (1 - weight) * shared


def _wrong_with(column: _Column) -> Note:
    """Why a class has no threshold of its own; empty where it has."""
    if len(column.there) < LEAST_SAMPLES:
        return "too few samples"
    cuts = cuts_of(column.scores, column.there)
    positives, negatives = float(cuts.positives[0]), float(cuts.negatives[0])
    if not positives:
        return "no positive"
    if not negatives:
        return "no negative"
    if not column.among.any():
        return "never likeliest"
    by_chance = ((positives + negatives + 1) / (12 * positives * negatives)) ** 0.5
    return "" if float(cuts.ranking) > 0.5 + _ONE_SIDED_5_PERCENT * by_chance else "scores say nothing"


def _row(
    threshold: float,
    column: _Column,
    note: Note,
    own: float | None = None,
    stable: tuple[float, float] | None = None,
) -> ClassThreshold:
    named = column.among & (column.scores >= threshold)
    hits, alarms, positives = (int(of.sum()) for of in (named & column.there, named & ~column.there, column.there))
    low, high = stable or (None, None)
    right, wrong, all_there = hits * column.weights[0], alarms * column.weights[1], positives * column.weights[0]
    precision, f1 = right / ((right + wrong) or 1), 2 * right / ((right + wrong + all_there) or 1)
    return ClassThreshold(threshold, low, high, own, positives, precision, hits / max(1, positives), f1, note)
