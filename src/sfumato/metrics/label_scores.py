"""The scores of samples that may be of several classes, by name, each with its interval.

What is not known of a sample counts nowhere: neither for the class nor against it.
"""

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.metrics.classification import Counts, f1, precision, recall
from sfumato.metrics.f_scores import Average, averaged, label_hits
from sfumato.metrics.intervals import Interval, percentiles
from sfumato.metrics.labelled import Floats, Integers, Labelled
from sfumato.metrics.ranking import figures
from sfumato.metrics.ranks import coverage
from sfumato.metrics.resampling import Resamples, resample

AVERAGES: tuple[Average, ...] = ("micro", "macro", "macro_all", "weighted")
OF_COUNTS = {"precision": precision, "recall": recall, "f1": f1}


def label_scores(
    truth: NDArray[np.generic], scores: Floats, named: NDArray[np.bool_], groups: Integers | None = None
) -> dict[str, Interval]:
    """Precision, recall and F1 as micro_f1 and the like, those of `ranking.FIGURES` and coverage_error.

    Of resamples that do not differ the counts' scores have no width. Nothing without a sample.

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
        **_counted(truth, named, drawn),
        **figures(data, groups, resamples=drawn),
        "coverage_error": percentiles(float(down.mean()), drawn.means(down)),
    }


def _counted(truth: NDArray[np.generic], named: NDArray[np.bool_], drawn: Resamples) -> dict[str, Interval]:
    found = label_hits(truth, named)
    whole, draws = Counts(*(of.sum(axis=0) for of in found)), Counts(*(_whole(drawn.sums(of)) for of in found))
    return {
        f"{how}_{name}": percentiles(float(averaged(score, whole, how)), averaged(score, draws, how))
        for name, score in OF_COUNTS.items()
        for how in AVERAGES
    }


def _whole(sums: NDArray[np.float64]) -> Integers:
    return np.rint(sums).astype(np.int64)
