"""Whether what a policy says of its own doubt can be taken at its word: the figures of a run's results, by name.

N samples, C classes; each figure has its interval.
"""

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.honesty import before_and_after, mean_interval
from sfumato.metrics.intervals import Interval, share_interval
from sfumato.metrics.selective import aurc_interval

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_SHOWN_BEFORE = ("nll", "brier", "ece", "ece_equal_mass", "classwise_ece")


def honesty_scores(
    before: Floats, after: Floats, truth: Integers, groups: Integers | None = None
) -> dict[str, Interval]:
    """nll, brier and its parts, calibration errors; NAME_before, of them before calibration; nll_change, brier_change.

    Args:
        before: (N, C) probabilities of the logits as they are.
        after: (N, C) calibrated probabilities.
        truth: (N,) class indices, all of them known.
        groups: (N,) number of the group each sample belongs to; None = each is on its own.
    """
    if not len(truth):
        return {}
    found = before_and_after(before, after, truth, groups)
    return {
        **{name: score for name, score in found.after.scores.items() if name != "ece"},
        **{f"{name}_before": found.before.scores[name] for name in _SHOWN_BEFORE},
        **{f"{name}_change": score for name, score in found.change.items()},
    }


def doubt_scores(
    sureness: Floats, correct: Booleans, sets: Booleans | None, truth: Integers, groups: Integers | None = None
) -> dict[str, Interval]:
    """aurc; where sets of classes are named, set_coverage and set_size too.

    Args:
        sureness: (N,) on any scale, more meaning surer.
        correct: (N,) whether each answer is right.
        sets: (N, C) whether each class is in the sample's set; None = there are none.
        truth: As in `honesty_scores`.
        groups: As in `honesty_scores`.
    """
    if not len(truth):
        return {}
    found = {"aurc": aurc_interval(sureness, correct, groups)}
    if sets is None:
        return found
    sizes = sets.sum(axis=1).astype(np.float64)
    held = sets[np.arange(len(truth)), truth]
    return found | {"set_coverage": share_interval(held, groups), "set_size": mean_interval(sizes, groups)}


def cost_scores(
    costs: Floats, likeliest: Integers, answers: Integers, truth: Integers, groups: Integers | None = None
) -> dict[str, Interval]:
    """cost, the mean of a sample; cost_before, had the likeliest class been the answer; cost_change, paired.

    Args:
        costs: (C, C); row = true class, column = answer.
        likeliest: (N,) class indices.
        answers: (N,) class indices.
        truth: As in `honesty_scores`.
        groups: As in `honesty_scores`.
    """
    refuse_not_finite(costs=costs)
    if not len(truth):
        return {}
    after, before = costs[truth, answers], costs[truth, likeliest]
    of_each = {"cost": after, "cost_before": before, "cost_change": after - before}
    return {name: mean_interval(values, groups) for name, values in of_each.items()}
