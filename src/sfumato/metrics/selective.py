"""Risk against coverage: how wrong the answers are of which the model is surest, for every share of them.

Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017; the area and what of it is not
owed to the model's errors: Geifman, Uziel and El-Yaniv, Bias-Reduced Uncertainty Estimation, ICLR 2019.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.intervals import Interval, percentiles, sample_interval
from sfumato.metrics.resampling import resample

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_SORTED = 5_000
"""Up to so many samples are sorted anew in every resample; of more, samples are weighed."""


@dataclass(frozen=True)
class RiskCoverage:
    """The curve of N samples; each array (N,), from the surest sample alone to all."""

    coverage: Floats
    """Share of the samples that are answered, 1 / N to 1."""
    risk: Floats
    """Share of wrong answers among them. Of equally sure samples any may come first: the mean over their orders."""


def risk_coverage(sureness: NDArray[np.floating], correct: NDArray[np.bool_]) -> RiskCoverage:
    """The curve of (N,) scores, more meaning surer, on any scale, and (N,) whether each answer was right."""
    refuse_not_finite(sureness=sureness)
    answered = np.arange(1, len(correct) + 1)
    _, place, count = np.unique(-sureness, return_inverse=True, return_counts=True)
    wrong = np.bincount(place, weights=~correct, minlength=len(count))
    ends, errors = np.append(0, count.cumsum()), np.append(0, wrong.cumsum())
    return RiskCoverage(answered / max(1, len(correct)), np.interp(answered, ends, errors) / answered)


def aurc(sureness: NDArray[np.floating], correct: NDArray[np.bool_]) -> float:
    """Area under the curve, the mean risk over all coverages; 0 is best, and the error rate is what chance gives.

    No sample gives 0.
    """
    return float(risk_coverage(sureness, correct).risk.mean()) if len(correct) else 0.0


def least_aurc(samples: int, wrong: int) -> float:
    """The area where every wrong answer is less sure than every right one: mean of max(0, i - right) / i."""
    answered = np.arange(1, samples + 1)
    return float((np.maximum(0, answered - (samples - wrong)) / answered).mean()) if samples else 0.0


def excess_aurc(sureness: NDArray[np.floating], correct: NDArray[np.bool_]) -> float:
    """The area above the least that so many errors allow: how badly sureness is ordered, whatever the accuracy."""
    return aurc(sureness, correct) - least_aurc(len(correct), int((~correct).sum()))


def aurc_interval(
    sureness: NDArray[np.floating], correct: NDArray[np.bool_], groups: Integers | None = None
) -> Interval:
    """Interval of the area; `groups` (N,) as in `intervals.share_interval`."""
    refuse_not_finite(sureness=sureness)
    if len(correct) <= MOST_SORTED:
        return sample_interval(lambda rows: aurc(sureness[rows], correct[rows]), len(correct), groups)
    drawn = resample(len(correct), groups, 1)
    order = np.argsort(-sureness, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(sureness[order]) != 0, True))
    wrong, unit = (~correct[order]).astype(np.float64), drawn.unit[order]
    areas = [_weighted_area(times[unit], wrong, ends) for times in drawn.drawn.T]
    return percentiles(aurc(sureness, correct), np.array(areas))


def _weighted_area(weights: Floats, wrong: Floats, ends: Integers) -> float:
    """The area of (N,) samples, surest first, counted so many times each; `ends`: the last of each that are equal."""
    answered, errors = weights.cumsum()[ends], (weights * wrong).cumsum()[ends]
    risk = errors / np.maximum(answered, 1)
    steps = np.diff(answered, prepend=0)
    return float((steps * (risk + np.append(risk[:1], risk[:-1])) / 2).sum() / max(1.0, answered[-1]))
