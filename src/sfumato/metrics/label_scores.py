"""The scores of samples that may be of several classes, by name, each with its interval.

What is not known of a sample counts nowhere: neither for the class nor against it. What is of a sample as a whole,
accuracy and coverage error, goes by those of which all is known: the less is known of one, the easier it would be to
have it right.
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
from sfumato.metrics.membership import complete
from sfumato.metrics.ranking import drawn_interval, figures
from sfumato.metrics.ranks import coverage
from sfumato.metrics.resampling import Resamples, resample

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
    as exact match. It and coverage_error are left out where of no sample all is known. Nothing without a sample.

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
    drawn = resample(len(data), groups, data.classes)
    whole = complete(truth)
    within = None if groups is None else groups[whole]
    found = {
        **({"accuracy": share_interval(exact_matches(truth, named), within)} if whole.any() else {}),
        **_counted(data, named, drawn, groups),
        **figures(data, groups, resamples=drawn),
    }
    return found | _covered(data, whole, drawn)


def exact_matches(truth: NDArray[np.generic], named: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) whether the classes of each sample of which all is known are named all and no other; arrays (N, C)."""
    whole = complete(truth)
    return ((truth[whole] == 1) == named[whole]).all(axis=1)


def selection_scores(
    truth: NDArray[np.generic], scores: Floats, named: NDArray[np.bool_]
) -> dict[LabelScoreName, float]:
    """LABEL_SCORES without intervals; arguments as `label_scores`. Without a sample all are 0.

    `map` is the mean over the classes that have a sample; without one of which all is known accuracy is 0.
    """
    c, precisions = label_counts(truth, named), average_precision(truth, scores, "all_point")
    measured, exact = ~np.isnan(precisions), exact_matches(truth, named)
    return {
        "accuracy": float(exact.mean()) if len(exact) else 0.0,
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


def _covered(data: Labelled, whole: NDArray[np.bool_], drawn: Resamples) -> dict[str, Interval]:
    if not whole.any():
        return {}
    down = coverage(data)
    draws = drawn.means(down) if whole.all() else drawn.means(down, whole)
    return {"coverage_error": percentiles(float(down[whole].mean()), draws[~np.isnan(draws)])}


def _whole(sums: NDArray[np.float64]) -> Integers:
    return np.rint(sums).astype(np.int64)
