"""Labels that are likely wrong, by confident learning on predictions of samples that were not learned from.

Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70, 2021.
N samples, C classes. A network that is too sure or not sure enough does little harm: each class has its own threshold.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class WrongLabels:
    """What was found among N labels."""

    rows: Integers
    """(K,) places of the samples whose label is likely wrong, the surest first: those of the greatest `margin`."""
    likely: Integers
    """(K,) the class each of them is likely of."""
    margin: Floats
    """(K,) probability of the likely class less that of the given one, 0 to 1."""
    share: float
    """Of all N labels that are estimated to be wrong, 0 to 1; it counts also those that can't be pointed at."""
    by_class: Floats
    """(C,) the same of the labels of each class; 0 where there is none."""


def self_confidence(probabilities: Floats, given: Integers) -> Floats:
    """(C,) mean probability of a class over the samples that are labelled with it (equation 2); inf where none is."""
    own = probabilities[np.arange(len(given)), given]
    counts = np.bincount(given, minlength=probabilities.shape[1])
    sums = np.bincount(given, weights=own, minlength=probabilities.shape[1])
    return np.where(counts > 0, sums / np.maximum(1, counts), np.inf)


def confident_class(probabilities: Floats, thresholds: Floats) -> Integers:
    """(N,) the likeliest of the classes that reach their threshold (equation 1); -1 where none does."""
    reached = np.where(probabilities >= thresholds, probabilities, -1.0)
    return np.where(reached.max(axis=1, initial=-1.0) < 0, -1, reached.argmax(axis=1))


def confident_joint(given: Integers, confident: Integers, classes: int) -> Integers:
    """(C, C) samples labelled with the row's class that are confidently of the column's."""
    there = confident >= 0
    cells = given[there] * classes + confident[there]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def joint_distribution(joint: Integers, given: Integers) -> Floats:
    """(C, C) share of all labels that are the row's class and should be the column's (equation 3); its sum is 1.

    Each row is brought to the number of its labels. A class of which nothing is confident is taken to be right.
    """
    counts = np.bincount(given, minlength=len(joint)).astype(np.float64)
    sums = joint.sum(axis=1, keepdims=True)
    rows = np.where(sums > 0, joint / np.maximum(1, sums), np.eye(len(joint)))
    return rows * counts[:, None] / max(1, len(given))


def recognised(probabilities: Floats, given: Integers) -> NDArray[np.bool_]:
    """(C,) whether at least half of the samples that are labelled with a class have it as their likeliest.

    Of a class that the network has not learned nothing can be said: its labels would all look wrong.
    """
    counts = np.bincount(given, minlength=probabilities.shape[1])
    found = np.bincount(given[probabilities.argmax(axis=1) == given], minlength=probabilities.shape[1])
    return (counts > 0) & (2 * found >= counts)


def likely_wrong(probabilities: Floats, given: Integers) -> WrongLabels:
    """Find the labels off the diagonal of the confident joint (section 3.2), except where the label is the likeliest.

    Args:
        probabilities: (N, C), each row summing to 1, of samples that were not learned from.
        given: (N,) labels.

    Raises:
        InputError: A probability is not finite.
    """
    refuse_not_finite(probabilities=probabilities)
    classes = probabilities.shape[1]
    confident = confident_class(probabilities, self_confidence(probabilities, given))
    wrong = (confident >= 0) & (confident != given) & (probabilities.argmax(axis=1) != given)
    rows = np.flatnonzero(wrong)
    margin = probabilities[rows, confident[rows]] - probabilities[rows, given[rows]]
    order = np.argsort(-margin, kind="stable")
    joint = joint_distribution(confident_joint(given, confident, classes), given)
    labelled = joint.sum(axis=1)
    by_class = np.where(labelled > 0, 1 - np.diag(joint) / np.where(labelled > 0, labelled, 1), 0.0)
    rows = rows[order]
    return WrongLabels(rows, confident[rows], margin[order], float(by_class @ labelled), by_class)


@dataclass(frozen=True)
class WrongAnswers:
    """The same of N samples that may be of any of C classes, each class being a question of its own."""

    rows: Integers
    """(K,) places of the samples, the surest first."""
    classes: Integers
    """(K,) the class about which each is likely wrong: named and not there, or there and not named."""
    margin: Floats
    """(K,) probability of the likely answer less that of the given one, 0 to 1."""
    share: float
    """Of all answers that are known, 0 to 1."""


def likely_wrong_answers(probabilities: Floats, given: NDArray[np.signedinteger]) -> WrongAnswers:
    """Find the answers that are likely wrong, class by class.

    Args:
        probabilities: (N, C), each from 0 to 1, of samples that were not learned from.
        given: (N, C) 1 = of the class, 0 = not, below 0 = not known.

    Raises:
        InputError: A probability is not finite.
    """
    refuse_not_finite(probabilities=probabilities)
    known = [np.flatnonzero(given[:, place] >= 0) for place in range(given.shape[1])]
    found = [_of_one(probabilities[rows, place], given[rows, place]) for place, rows in enumerate(known)]
    empty = np.zeros(0, dtype=np.int64)
    rows = np.concatenate([empty, *(own[one.rows] for own, one in zip(known, found, strict=True))])
    classes = np.concatenate([empty, *(np.full(len(one.rows), place) for place, one in enumerate(found))])
    margin = np.concatenate([np.zeros(0), *(one.margin for one in found)])
    order = np.lexsort((classes, rows, -margin))
    wrong = sum(one.share * len(own) for own, one in zip(known, found, strict=True))
    return WrongAnswers(rows[order], classes[order], margin[order], wrong / max(1, sum(map(len, known))))


def _of_one(p: Floats, given: NDArray[np.signedinteger]) -> WrongLabels:
    """Whether samples are of one class: (N,) probabilities and answers."""
    return likely_wrong(np.column_stack([1 - p, p]), given.astype(np.int64))
