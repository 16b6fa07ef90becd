"""The scores of samples that may be of several classes, by name, each with its interval.

What is not known of a sample counts nowhere: neither for the class nor against it.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.metrics.average_precision import average_precision
from sfumato.metrics.classification import Counts, f1, macro_f1, precision, recall
from sfumato.metrics.f_scores import Average, averaged, label_counts, label_hits
from sfumato.metrics.intervals import Interval, percentiles, share_interval
from sfumato.metrics.labelled import Floats, Integers, Labelled
from sfumato.metrics.ranking import drawn_interval, figures
from sfumato.metrics.ranks import coverage
from sfumato.metrics.resampling import Resamples, resample
from sfumato.predictions import UNKNOWN

LabelScoreName = Literal["map", "macro_f1", "micro_f1", "accuracy"]
AnyScoreName = Literal["macro_f1", "balanced_accuracy", "accuracy", "map", "micro_f1"]
"""Those of one class a sample and of several."""
LABEL_SCORES: tuple[LabelScoreName, ...] = ("accuracy", "macro_f1", "micro_f1", "map")
"""The scores of several classes a sample that a run may choose its best weights by."""
AVERAGES: tuple[Average, ...] = ("micro", "macro", "macro_all", "weighted")
OF_COUNTS = {"precision": precision, "recall": recall, "f1": f1}


def label_scores(
    truth: NDArray[np.generic], scores: Floats, named: NDArray[np.bool_], groups: Integers | None = None
) -> dict[str, Interval]:
    """Accuracy, precision, recall and F1 as micro_f1 and the like, those of `ranking.FIGURES` and coverage_error.

    Accuracy is the share of samples whose classes are named all and no other: scikit-learn's accuracy_score, also known
    as exact match.

    Nothing without a sample.

    Args:
        truth: (N, C) 1 or True where the sample is of the class, 0 where not, UNKNOWN where that is not known.
        scores: (N, C) logits or probabilities.
        named: (N, C) whether the class is among the answer: what thresholds make of the scores.
        groups: (N,) number of the group each sample belongs to, resampled whole; None = each is on its own.

    Raises:
        InputError: As `Labelled`, or the shapes differ.
    """
    data = Labelled(truth, scores)
    if not data.several or named.shape != truth.shape:
        what = f"answers of shape {named.shape} to truth of shape {truth.shape}"
        raise InputError(what, expected="both (N, C)")
    if not len(data):
        return {}
    drawn, down = resample(len(data), groups, data.classes), coverage(data)
    return {
        "accuracy": share_interval(exact_matches(truth, named), groups),
        **_counted(data, named, drawn, groups),
        **figures(data, groups, resamples=drawn),
        "coverage_error": percentiles(float(down.mean()), drawn.means(down)),
    }


def exact_matches(truth: NDArray[np.generic], named: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) whether a sample's classes are named all and no other, as far as they are known; arrays (N, C)."""
    return (((truth == 1) == named) | (truth == UNKNOWN)).all(axis=1)


def selection_scores(
    truth: NDArray[np.generic], scores: Floats, named: NDArray[np.bool_]
) -> dict[LabelScoreName, float]:
    """LABEL_SCORES without intervals; arguments as `label_scores`. Without a sample all are 0.

    `map` is the mean over the classes that have a sample.
    """
    c, precisions = label_counts(truth, named), average_precision(truth, scores, "all_point")
    measured = ~np.isnan(precisions)
    return {
        "accuracy": float(exact_matches(truth, named).mean()) if len(truth) else 0.0,
        "macro_f1": float(macro_f1(c)),
        "micro_f1": float(averaged(f1, c, "micro")),
        "map": float(precisions[measured].mean()) if measured.any() else 0.0,
    }


def _counted(
    data: Labelled, named: NDArray[np.bool_], drawn: Resamples, groups: Integers | None
) -> dict[str, Interval]:
    found = label_hits(data.truth, named)
    whole, draws = Counts(*(of.sum(axis=0) for of in found)), Counts(*(_whole(drawn.sums(of)) for of in found))
    return {
        f"{how}_{name}": drawn_interval(float(averaged(score, whole, how)), averaged(score, draws, how), data, groups)
        for name, score in OF_COUNTS.items()
        for how in AVERAGES
    }


def _whole(sums: NDArray[np.float64]) -> Integers:
    return np.rint(sums).astype(np.int64)
