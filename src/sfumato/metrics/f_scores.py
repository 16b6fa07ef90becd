"""Precision, recall and F, averaged over classes in each of the ways that go by a name.

All are made of `classification.Counts`, so samples of one class and of several have the same functions; a leading `...`
is any number of batch dimensions, such as bootstrap resamples.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.classification import Counts, precision
from sfumato.predictions import UNKNOWN

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Average = Literal["micro", "macro", "macro_all", "weighted"]


def f_beta(c: Counts, beta: float = 1) -> Floats:
    """(..., C) weighted harmonic mean of precision and recall, beta times as much weight on recall; 0 where there is
    neither. Scikit-learn's fbeta_score with zero_division 0; beta 1 is F1.
    """
    whole = beta**2 * c.support + c.named
    return np.divide((1 + beta**2) * c.hits, whole, out=np.zeros(whole.shape), where=whole > 0)


def averaged(score: Callable[[Counts], Floats], c: Counts, how: Average) -> Floats:
    """(...) mean of a score over the classes.

    - micro: of all classes' counts together. Of samples of one class each it is accuracy, whichever the score.
    - macro: over the measured classes, those with a sample. Scikit-learn's with the labels that are there.
    - macro_all: over all classes. Scikit-learn's with every label.
    - weighted: over the measured classes, each as often as it has samples.

    Args:
        score: (..., C) of counts, such as `precision`, `recall`, `f1` or `f_beta`.
        c: Counts (..., C).
        how: Which mean.
    """
    if how == "micro":
        return score(Counts(*(of.sum(axis=-1, keepdims=True) for of in (c.hits, c.support, c.named))))[..., 0]
    values = score(c)
    if how == "macro_all":
        return values.mean(axis=-1)
    weights = c.support if how == "weighted" else c.support > 0
    return (values * weights).sum(axis=-1) / np.maximum(1, weights.sum(axis=-1))


def macro_precision(c: Counts) -> Floats:
    """(...) mean precision over the measured classes; a class that is never named scores 0."""
    return averaged(precision, c, "macro")


def weighted_precision(c: Counts) -> Floats:
    """(...) mean precision, each class counting as many times as it has samples."""
    return averaged(precision, c, "weighted")


def label_hits(truth: NDArray[np.generic], named: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], ...]:
    """(N, C) each: hits, support and named of samples that may be of several classes; what is not known is nowhere.

    Args:
        truth: (N, C) as in `labelled.Labelled`.
        named: (N, C) whether the class is among the answer.
    """
    own = truth == 1
    return own & named, own, named & (truth != UNKNOWN)


def label_counts(truth: NDArray[np.generic], named: NDArray[np.bool_]) -> Counts:
    """Counts (C,) of samples that may be of several classes; arguments as in `label_hits`."""
    return Counts(*(of.sum(axis=0) for of in label_hits(truth, named)))


def label_confusions(c: Counts, known: Integers) -> Integers:
    """(..., C, 2, 2) of each class: row = whether a sample is of it, column = whether it is named; no comes first.

    Scikit-learn's multilabel_confusion_matrix.

    Args:
        c: Counts (..., C).
        known: (C,) samples of which it is known whether they are of the class.
    """
    missed, wrong = c.support - c.hits, c.named - c.hits
    cells = np.stack([known - c.support - wrong, wrong, missed, c.hits], axis=-1)
    return cells.reshape(*cells.shape[:-1], 2, 2)
