"""Scores of single-label classification, all derived from three counts a class.

Shapes: N samples, C classes; a leading `...` is any number of batch dimensions (bootstrap resamples, say).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """What every score here is made of; each an array (..., C) of whole numbers."""

    hits: NDArray[np.int64]
    """Samples of the class that were given its name (true positives)."""
    support: NDArray[np.int64]
    """Samples of the class."""
    named: NDArray[np.int64]
    """Samples that were given the class's name."""


def confusion_matrix(truth: Integers, predicted: Integers, classes: int) -> Integers:
    """(C, C) counts: row = true class, column = predicted class. `truth` and `predicted` are (N,) class indices."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def counts(confusion: Integers) -> Counts:
    """The three counts a class from confusion matrices (..., C, C)."""
    return Counts(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(-1), confusion.sum(-2))


def answer_counts(truth: Integers, predicted: Integers, classes: int) -> Counts:
    """The same of (N,) class indices, without a matrix of C x C."""
    hits, support, named = (np.bincount(of, minlength=classes) for of in (truth[truth == predicted], truth, predicted))
    return Counts(hits, support, named)


def accuracy(c: Counts) -> Floats:
    """(...) share of samples that were given their own name."""
    return _ratio(c.hits.sum(-1), c.support.sum(-1))


def balanced_accuracy(c: Counts) -> Floats:
    """(...) mean recall over the measured classes (those with a sample)."""
    return _mean_over_measured(recall(c), c)


def macro_f1(c: Counts) -> Floats:
    """(...) mean F1 over the measured classes; a class that is never named scores 0."""
    return _mean_over_measured(f1(c), c)


def precision(c: Counts) -> Floats:
    """(..., C) share of the samples named c that are c; 0 where none was named."""
    return _ratio(c.hits, c.named)


def recall(c: Counts) -> Floats:
    """(..., C) share of the samples of c that were named c; 0 where there is no sample."""
    return _ratio(c.hits, c.support)


def f1(c: Counts) -> Floats:
    """(..., C) harmonic mean of precision and recall; 0 where there is neither."""
    return _ratio(2 * c.hits, c.support + c.named)


ScoreName = Literal["macro_f1", "balanced_accuracy", "accuracy"]
SCORES = {"accuracy": accuracy, "balanced_accuracy": balanced_accuracy, "macro_f1": macro_f1}
"""The scores a run reports and may choose its best weights by; each (..., C) counts -> (...)."""


def _mean_over_measured(values: Floats, c: Counts) -> Floats:
    return _ratio(np.where(c.support > 0, values, 0.0).sum(-1), (c.support > 0).sum(-1))


def _ratio(part: Floats | Integers, whole: Integers) -> Floats:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)
