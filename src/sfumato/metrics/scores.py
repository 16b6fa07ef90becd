"""The scores of samples of one class each, by name, each with its interval: what `results.measure` puts together.

N samples, C classes. `truth` and `predicted` are (N,) class indices; `groups` (N,) numbers of the groups that samples
belong to and are resampled with, None = each is on its own.
"""

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics import calibration, classification, longtail
from sfumato.metrics.f_scores import macro_precision, weighted_precision
from sfumato.metrics.intervals import LEVEL, Interval, percentiles, sample_interval, score_interval, share_interval
from sfumato.metrics.labelled import Labelled
from sfumato.metrics.ranking import FIGURES, figures
from sfumato.metrics.ranks import coverage, places
from sfumato.metrics.resampling import resample

Integers = NDArray[np.int64]
TOP = (3, 5)
"""The k of top-k, where there are more classes than k; top-1 is accuracy."""


def overall(truth: Integers, predicted: Integers, classes: int, groups: Integers | None) -> dict[str, Interval]:
    """accuracy, balanced_accuracy, macro_f1, macro_precision, weighted_precision."""
    means = {**classification.SCORES, "macro_precision": macro_precision, "weighted_precision": weighted_precision}
    return {
        name: share_interval(predicted == truth, groups)
        if name == "accuracy"
        else score_interval(truth, predicted, classes, score, groups)
        for name, score in means.items()
    }


def sureness(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], groups: Integers | None
) -> dict[str, Interval]:
    """Whether it is right as often as it says.

    ece, and ece_if_calibrated: the mean error that chance alone gives honest confidences, and the range from 0 that
    holds LEVEL of such errors.

    Args:
        confidence: (N,) probability of each answer, 0 to 1.
        correct: (N,) whether it is right.
        groups: As everywhere.
    """
    error = sample_interval(
        lambda rows: calibration.expected_calibration_error(confidence[rows], correct[rows]),
        len(correct),
        groups,
        biased=True,
    )
    by_chance = calibration.chance_errors(confidence)
    honest = Interval(float(by_chance.mean()), 0.0, float(np.quantile(by_chance, LEVEL)))
    return {"ece": error, "ece_if_calibrated": honest}


def answered(correct: NDArray[np.bool_], given: NDArray[np.bool_], groups: Integers | None) -> dict[str, Interval]:
    """Where some were not answered coverage, and where some were accuracy_answered.

    Args:
        correct: (N,) whether the answer is right.
        given: (N,) whether it would be given.
        groups: As everywhere.
    """
    found: dict[str, Interval] = {}
    if not given.all():
        found["coverage"] = share_interval(given, groups)
    if not given.all() and given.any():
        found["accuracy_answered"] = share_interval(correct[given], None if groups is None else groups[given])
    return found


def long_tail(
    truth: Integers, predicted: Integers, trained: Integers, groups: Integers | None, macro_f1: Interval
) -> dict[str, Interval]:
    """Those of `longtail.long_tail_scores` that have a value; `trained`: (C,) training images of each class.

    Recall of some classes needs their own samples alone, so those alone are resampled: no resample is without one.
    Which classes have a sample is a property of the data, not of chance, so macro-F1 over all classes is that over the
    measured ones times their share. The worst class is resampled as the class it is: the least of many figures would
    sink further with every resample.
    """
    c = classification.answer_counts(truth, predicted, len(trained))

    def recall_of(inside: NDArray[np.bool_]) -> Interval:
        rows = inside[truth]
        within = None if groups is None else groups[rows]
        return score_interval(truth[rows], predicted[rows], len(trained), classification.balanced_accuracy, within)

    def share_of(classes: Integers) -> Interval:
        rows = np.isin(truth, classes)
        return share_interval(predicted[rows] == truth[rows], None if groups is None else groups[rows])

    share = float((c.support > 0).mean())
    found = {
        "macro_f1_all": Interval(*(share * figure for figure in (macro_f1.value, macro_f1.low, macro_f1.high))),
        "weighted_f1": score_interval(truth, predicted, len(trained), longtail.weighted_f1, groups),
        **{name: recall_of(inside) for name, inside in longtail.shot_groups(trained).items()},
        "tail": share_of(longtail.tail_classes(trained)),
        "worst_class": share_of(np.array([longtail.worst_class(c)])),
    }
    values = longtail.long_tail_scores(c, trained)
    return {name: interval for name, interval in found.items() if values[name] is not None}


def ranked(truth: Integers, probabilities: NDArray[np.floating], groups: Integers | None) -> dict[str, Interval]:
    """How well the probabilities order samples and classes; nothing without a sample.

    Those of `ranking.FIGURES` that have a value, EER of two classes alone; coverage_error, 1 to C, and top_3 and top_5
    where there are more classes.

    Args:
        truth: As everywhere.
        probabilities: (N, C), or logits.
        groups: As everywhere.
    """
    if not len(truth):
        return {}
    data = Labelled(truth, probabilities)
    drawn = resample(len(data), groups, data.classes)
    wanted = {name: one for name, one in FIGURES.items() if name != "eer" or data.classes == 2}
    place, down = places(data), coverage(data)
    return {
        **figures(data, groups, wanted, drawn),
        **{f"top_{k}": share_interval(place <= k, groups) for k in TOP if k < data.classes},
        "coverage_error": percentiles(float(down.mean()), drawn.means(down)),
    }
