"""Risk against coverage: how wrong the answers are of which the model is surest, for every share of them.

Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017; the area and what of it is not
owed to the model's errors: Geifman, Uziel and El-Yaniv, Bias-Reduced Uncertainty Estimation, ICLR 2019.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.intervals import Interval, sample_interval

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class RiskCoverage:
    """The curve of N samples; each array (N,), from the surest sample alone to all."""

    coverage: Floats
    """Share of the samples that are answered, 1 / N to 1."""
    risk: Floats
    """Share of wrong answers among them. Of equally sure samples any may come first: the mean over their orders."""


def risk_coverage(sureness: NDArray[np.floating], correct: NDArray[np.bool_]) -> RiskCoverage:
    """The curve of (N,) scores, more meaning surer, on any scale, and (N,) whether each answer was right."""
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
    return sample_interval(lambda rows: aurc(sureness[rows], correct[rows]), len(correct), groups)
