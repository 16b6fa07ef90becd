"""Several sets of answers to the same samples, from the best down, and which of them chance alone could part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.classification import SCORES, ScoreName, answer_counts
from sfumato.metrics.intervals import Interval
from sfumato.metrics.label_scores import LabelScoreName, exact_matches
from sfumato.metrics.paired import McNemar, mcnemar_of, paired_difference
from sfumato.metrics.paired_labels import LabelAnswers, difference, drawn_score
from sfumato.metrics.resampling import resample

Integers = NDArray[np.int64]
SIGNIFICANT = 0.05
"""Corrected p below which chance alone is no explanation."""


@dataclass(frozen=True)
class Against:
    """One set of answers against the first-ranked."""

    difference: Interval
    """How much higher this one scores, paired; mostly below 0; not corrected for there being several."""
    mcnemar: McNemar
    """`a` is this one, `b` the first-ranked."""
    corrected: float
    """McNemar's p after Holm's correction, over all pairs: the first was picked by looking, so the pairs it stands in
    were picked too."""
    told_apart: bool
    """Whether chance alone is no explanation: by accuracy and of samples that are each on their own, `corrected` is
    below SIGNIFICANT; else the interval does not hold 0."""


@dataclass(frozen=True)
class Ranked:
    """A place in the ranking."""

    name: str
    score: float
    against: Against | None
    """None = it is the first."""


def rank(
    truth: Integers, answers: Mapping[str, Integers], by: ScoreName = "accuracy", groups: Integers | None = None
) -> tuple[Ranked, ...]:
    """From the best down; equal ones in the order they are given.

    Args:
        truth: (N,) class indices.
        answers: Name -> (N,) class indices it predicted.
        by: The score.
        groups: (N,) number of the group each sample belongs to, which is resampled whole; None = each is on its own.
    """
    scores = {name: _score(truth, said, by) for name, said in answers.items()}
    right = {name: said == truth for name, said in answers.items()}

    def further(one: str, other: str) -> Interval:
        return paired_difference(truth, answers[one], answers[other], by, groups)

    return _ranked(scores, right, further, exact=by == "accuracy" and groups is None)


def rank_labels(
    truth: NDArray[np.generic],
    answers: Mapping[str, LabelAnswers],
    by: LabelScoreName = "map",
    groups: Integers | None = None,
) -> tuple[Ranked, ...]:
    """The same of samples of any number of classes; a sample of which all is known is right
    where all its classes are named and no other.

    Args:
        truth: (N, C) as in `labelled.Labelled`, N at least 1.
        answers: Name -> what it says.
        by: The score.
        groups: As in `rank`.
    """
    drawn = resample(len(truth), groups, truth.shape[1])
    found = {name: drawn_score(truth, said, by, drawn) for name, said in answers.items()}
    right = {name: exact_matches(truth, said.named) for name, said in answers.items()}
    units = len(truth) if groups is None else len(np.unique(groups))

    def further(one: str, other: str) -> Interval:
        return difference(found[one], found[other], units)

    scores = {name: one.value for name, one in found.items()}
    return _ranked(scores, right, further, exact=by == "accuracy" and groups is None)


def _ranked(
    scores: Mapping[str, float],
    right: Mapping[str, NDArray[np.bool_]],
    further: Callable[[str, str], Interval],
    *,
    exact: bool,
) -> tuple[Ranked, ...]:
    """From each one's score, the samples it has right, and how much higher one of two scores.

    `exact` = what ranks is what McNemar's test tells apart.
    """
    order = sorted(scores, key=lambda name: -scores[name])
    pairs = list(combinations(order, 2))
    found = {pair: mcnemar_of(right[pair[1]], right[pair[0]]) for pair in pairs}
    corrected = dict(zip(pairs, holm([found[pair].p for pair in pairs]), strict=True))

    def against(name: str) -> Against | None:
        if name == order[0]:
            return None
        pair, apart = (order[0], name), further(name, order[0])
        told = corrected[pair] < SIGNIFICANT if exact else not apart.low <= 0 <= apart.high
        return Against(apart, found[pair], corrected[pair], told)

    return tuple(Ranked(name, scores[name], against(name)) for name in order)


def holm(p_values: list[float]) -> list[float]:
    """Each p corrected for there being several, in the same order (Holm, Scandinavian Journal of Statistics 1979).

    The smallest is multiplied by how many there are, the next by one less and so on; none falls below one before it,
    nor rises above 1. The chance that any true null hypothesis is rejected then stays below the level, however the
    tests depend on each other.
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        least = max(least, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = least
    return corrected


def _score(truth: Integers, predicted: Integers, by: ScoreName) -> float:
    classes = 1 + max((int(one.max(initial=0)) for one in (truth, predicted)), default=0)
    return float(SCORES[by](answer_counts(truth, predicted, classes)))
