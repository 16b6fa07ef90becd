"""How honest probabilities are, before calibration and after it, each figure with its interval.

Figures of the samples that a calibrator was fitted on are selection scores; its result is that of others.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.binned import BinnedSums, Statistic
from sfumato.metrics.brier import brier_scores, murphy_parts
from sfumato.metrics.calibration import BINS, expected_calibration_error
from sfumato.metrics.equal_mass import equal_mass_error
from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.intervals import Interval, percentiles, sample_interval
from sfumato.metrics.membership import Truth, answered, members
from sfumato.metrics.resampling import resample
from sfumato.predictions import UNKNOWN
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_SORTED = 10_000
"""Up to so many samples are binned anew in every resample."""
LEAST_PROBABILITY = 1e-15
"""What a probability of 0 counts as in a logarithm: it costs 34.5 nats where it was wrong."""


@stored
@dataclass(frozen=True)
class Honesty:
    """Scores of the probabilities of N samples."""

    samples: int
    scores: dict[str, Interval]
    """nll, in nats, brier, brier_reliability, brier_resolution, brier_uncertainty, classwise_ece; where classes
    exclude each other also ece and ece_equal_mass, of the likeliest class. A class that is known of
    some samples alone has the mean over those in what is summed or averaged over the classes."""


@stored
@dataclass(frozen=True)
class BeforeAfter:
    """The same samples before and after calibration."""

    before: Honesty
    after: Honesty
    change: dict[str, Interval]
    """nll and brier after less before, paired: a range below 0 is a gain that is no chance."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "BeforeAfter":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        return read_stored(cls, document, "scores before and after", where)


def log_losses(probabilities: Floats, truth: Truth) -> Floats:
    """(N,) -log of the probability of what was so, in nats; where classes are on their own, summed over those known."""
    if truth.ndim == 2:
        return log_costs(probabilities, truth).sum(axis=1)
    refuse_not_finite(probabilities=probabilities)
    p = np.clip(probabilities, LEAST_PROBABILITY, 1)
    return -np.log(p[np.arange(len(p)), truth.astype(np.int64)])


def log_costs(probabilities: Floats, truth: Truth) -> Floats:
    """(N, C) -log of the probability of what is so of each class, in nats; 0 where it is not known. Truth (N, C)."""
    refuse_not_finite(probabilities=probabilities)
    p, rest = (np.clip(of, LEAST_PROBABILITY, 1) for of in (probabilities, 1 - probabilities))
    return -np.log(np.where(truth == 1, p, np.where(truth == UNKNOWN, 1.0, rest)))


def measure_honesty(probabilities: Floats, truth: Truth, groups: Integers | None = None) -> Honesty:
    """Measure (N, C) probabilities.

    Args:
        probabilities: (N, C).
        truth: As in `membership`; of classes that are known of some samples alone a mean is over those.
        groups: (N,) number of the group each sample belongs to; None = each is on its own.
    """
    there, known = (of(truth, probabilities.shape[1]) for of in (members, answered))
    found = {
        **{name: _cost_interval(costs, known, groups) for name, costs in _costs(probabilities, truth).items()},
        **_binned(BinnedSums(probabilities, there, groups, known=known)),
    }
    if truth.ndim == 1:
        confidence, correct = probabilities.max(axis=1, initial=0), probabilities.argmax(axis=1) == truth
        for name, error in (("ece", expected_calibration_error), ("ece_equal_mass", equal_mass_error)):
            found[name] = _error_interval(error, confidence, correct, groups)
    return Honesty(len(truth), found)


def before_and_after(before: Floats, after: Floats, truth: Truth, groups: Integers | None = None) -> BeforeAfter:
    """Measure two sets of (N, C) probabilities of the same samples; arguments are those of `measure_honesty`."""
    known, was = answered(truth, before.shape[1]), _costs(before, truth)
    change = {name: _cost_interval(costs - was[name], known, groups) for name, costs in _costs(after, truth).items()}
    return BeforeAfter(measure_honesty(before, truth, groups), measure_honesty(after, truth, groups), change)


def mean_interval(values: Floats, groups: Integers | None) -> Interval:
    """Interval of the mean of (N,) values; 0 without a sample."""
    refuse_not_finite(values=values)
    if not len(values):
        return Interval(0.0, 0.0, 0.0)
    return percentiles(float(values.mean()), resample(len(values), groups, 1).means(values))


def sum_of_means(values: Floats, known: NDArray[np.bool_], groups: Integers | None) -> Interval:
    """Interval of the sum over the classes of the mean of (N, C) values, of each over the samples known of it.

    In a resample without such a sample a class has the mean of all. A class of which nothing is known counts nothing.
    """
    refuse_not_finite(values=values)
    drawn = resample(len(values), groups, values.shape[1])
    sums, counts = np.where(known, values, 0.0), known.astype(np.float64)
    means = sums.sum(axis=0) / np.maximum(1, counts.sum(axis=0))
    drawn_sums, drawn_counts = drawn.sums(sums), drawn.sums(counts)
    draws = np.where(drawn_counts > 0, drawn_sums / np.maximum(1, drawn_counts), means).sum(axis=1)
    return percentiles(float(means.sum()), draws)


def _costs(probabilities: Floats, truth: Truth) -> dict[str, Floats]:
    """Log loss and Brier score of each sample, (N,); of each of its classes, (N, C), where not all is known of all."""
    there, known = (of(truth, probabilities.shape[1]) for of in (members, answered))
    if known.all():
        return {"nll": log_losses(probabilities, truth), "brier": brier_scores(probabilities, there)}
    return {"nll": log_costs(probabilities, truth), "brier": (probabilities - there) ** 2}


def _cost_interval(costs: Floats, known: NDArray[np.bool_], groups: Integers | None) -> Interval:
    return mean_interval(costs, groups) if costs.ndim == 1 else sum_of_means(costs, known, groups)


def _error_interval(
    error: Callable[[Floats, NDArray[np.bool_]], float],
    confidence: Floats,
    correct: NDArray[np.bool_],
    groups: Integers | None,
) -> Interval:
    """Great tables are resampled in blocks of sums, bins of equal mass being those of the whole table."""
    if len(correct) <= MOST_SORTED:
        return sample_interval(lambda rows: error(confidence[rows], correct[rows]), len(correct), groups, biased=True)
    place = confidence
    if error is equal_mass_error:
        ends = np.sort(confidence)[np.ceil(len(confidence) * np.arange(1, BINS) / BINS).astype(np.int64) - 1]
        place = (np.searchsorted(ends, confidence, side="left") + 0.5) / BINS
    gaps = BinnedSums(place[:, None], correct[:, None], groups, forecast=confidence[:, None])
    return gaps.interval(_classwise, biased=True)


def _binned(sums: BinnedSums) -> dict[str, Interval]:
    def murphy(part: int) -> Statistic:
        return lambda count, forecast, happened: murphy_parts(count, forecast, happened)[part]

    return {
        "brier_reliability": sums.interval(murphy(0), biased=True),
        "brier_resolution": sums.interval(murphy(1)),
        "brier_uncertainty": sums.interval(murphy(2)),
        "classwise_ece": sums.interval(_classwise, biased=True),
    }


def _classwise(count: Floats, forecast: Floats, happened: Floats) -> float:
    """Mean over the classes of which something is known."""
    known = count.sum(axis=1)
    return float((np.abs(forecast - happened).sum(axis=1) / np.maximum(1, known)).sum() / max(1, (known > 0).sum()))
