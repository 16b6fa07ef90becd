"""Where a sample's own classes stand among its C scores: top-k and coverage error. One figure a sample, then the mean.

Scores must be comparable across the classes of a sample.
"""

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.metrics.labelled import Floats, Labelled
from sfumato.predictions import UNKNOWN

Integers = NDArray[np.int64]


def places(data: Labelled) -> Integers:
    """(N,) place of each sample's class among its scores, 1 = first; of samples of one class each.

    Of equal scores the class of higher index comes first, as in scikit-learn's top_k_accuracy_score. So top-1 can
    differ from accuracy, whose answer is the first of equal classes; scores of a network are hardly ever equal.

    Raises:
        InputError: Samples may be of several classes.
    """
    if data.several:
        raise InputError("top-k of samples that may be of several classes", expected="truth (N,) of class indices")
    truth, pieces, done = data.truth.astype(np.int64), [np.zeros(0, dtype=np.int64)], 0
    classes = np.arange(data.classes)
    for scores in data.parts_of(data.scores):
        own = truth[done : done + len(scores), np.newaxis]
        score = np.take_along_axis(scores, own, axis=1)
        ahead = (scores > score) | ((scores == score) & (classes > own))
        pieces.append(1 + np.count_nonzero(ahead, axis=1))
        done += len(scores)
    return np.concatenate(pieces)


def top_k(truth: Integers, scores: Floats, k: int) -> float:
    """Share of N samples whose class is among the k of highest score; 0 without a sample.

    Args:
        truth: (N,) class indices.
        scores: (N, C).
        k: 1 to C.

    Raises:
        InputError: k is out of its range, or as `Labelled`.
    """
    data = Labelled(truth, scores)
    if not 1 <= k <= data.classes:
        raise InputError(f"top-{k} of {data.classes} classes", expected=f"k of 1 to {data.classes}")
    return float((places(data) <= k).mean()) if len(data) else 0.0


def coverage(data: Labelled) -> Integers:
    """(N,) how many classes, from the highest score down, hold all of a sample's own; 0 for a sample of no class.

    Of equal scores all are counted, as in scikit-learn's coverage_error. Classes of which it is not known whether the
    sample is one of them are passed over.
    """
    pieces, done = [np.zeros(0, dtype=np.int64)], 0
    for scores in data.parts_of(data.scores):
        truth = data.truth[done : done + len(scores)]
        done += len(scores)
        if not data.several:
            lowest = np.take_along_axis(scores, truth.astype(np.int64)[:, np.newaxis], axis=1)
            pieces.append(np.count_nonzero(scores >= lowest, axis=1))
            continue
        lowest = np.where(truth == 1, scores, np.inf).min(axis=1, keepdims=True)
        pieces.append(np.count_nonzero((scores >= lowest) & (truth != UNKNOWN), axis=1))
    return np.concatenate(pieces)


def coverage_error(truth: NDArray[np.generic], scores: Floats) -> float:
    """Mean of `coverage`, 1 at best where every sample is of one class; 0 without a sample. Scikit-learn's.

    Args:
        truth: (N,) class indices, or (N, C) as in `labelled.Labelled`.
        scores: (N, C).

    Raises:
        InputError: As `Labelled`.
    """
    data = Labelled(truth, scores)
    return float(coverage(data).mean()) if len(data) else 0.0
