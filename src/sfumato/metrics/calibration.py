"""Whether a model is right as often as it says it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]
BINS = 15
_DRAWN_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy in equal-width bins of confidence; each an array (BINS,)."""

    count: NDArray[np.int64]
    """Samples in the bin."""
    confidence: Floats
    """Their mean confidence; 0 in an empty bin."""
    accuracy: Floats
    """Share of them that is right; 0 in an empty bin."""


def reliability(confidence: Floats, correct: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """Bin (N,) top-class probabilities in [0, 1] with (N,) whether each answer was right."""
    refuse_not_finite(confidence=confidence)
    place = _bin_of(confidence, bins)
    count = np.bincount(place, minlength=bins)
    filled = np.maximum(count, 1)
    mean_confidence = np.bincount(place, weights=confidence, minlength=bins) / filled
    return Reliability(count, mean_confidence, np.bincount(place, weights=correct, minlength=bins) / filled)


def expected_calibration_error(confidence: Floats, correct: NDArray[np.bool_], bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy over equal-width bins, weighted by their samples; 0 to 1.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, eq. 3. No sample gives 0.
    """
    table = reliability(confidence, correct, bins)
    gap = np.abs(table.confidence - table.accuracy)
    return float((gap * table.count).sum() / max(1, table.count.sum()))


def chance_errors(confidence: Floats, bins: int = BINS, draws: int = 1000, seed: int = 0) -> Floats:
    """(draws,) calibration errors that a model with these (N,) confidences shows if every one of them is honest.

    Few samples in a bin are seldom right in just the share expected, so the error is above 0 by chance alone: near 0.1
    with 100 samples. Answers are drawn right with the probability that the model claims, each by itself (Broecker and
    Smith, Increasing the Reliability of Reliability Diagrams, Weather and Forecasting 2007; Vaicenavicius et al.,
    Evaluating Model Calibration in Classification, AISTATS 2019). No sample gives 0.
    """
    refuse_not_finite(confidence=confidence)
    if not len(confidence):
        return np.zeros(draws)
    ordered = np.sort(confidence)
    starts = np.unique(_bin_of(ordered, bins), return_index=True)[1]
    wanted = np.add.reduceat(ordered, starts)
    rng, chunk = np.random.default_rng(seed), max(1, _DRAWN_AT_ONCE // len(ordered))
    errors: list[Floats] = []
    for first in range(0, draws, chunk):
        right = rng.random((min(chunk, draws - first), len(ordered))) < ordered
        found = np.add.reduceat(right, starts, axis=1, dtype=np.int64)
        errors.append(np.abs(found - wanted).sum(axis=1) / len(ordered))
    return np.concatenate(errors)


def negative_log_likelihood(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """Mean -log p of the true class; (N, C) logits, (N,) class indices. No sample gives 0."""
    refuse_not_finite(logits=logits)
    if not len(truth):
        return 0.0
    z = logits.astype(np.float64)
    z = z - z.max(axis=1, keepdims=True)
    log_p = z[np.arange(len(truth)), truth] - np.log(np.exp(z).sum(axis=1))
    return float(-log_p.mean())


def binary_log_loss(logits: NDArray[np.floating], truth: NDArray[np.integer]) -> float:
    """Mean -log p of what is so of each label, p = sigmoid; (M,) logits, (M,) 0 or 1. Without a label 0."""
    refuse_not_finite(logits=logits)
    if not len(truth):
        return 0.0
    z = np.where(truth == 1, logits, -logits).astype(np.float64)
    return float(np.logaddexp(0, -z).mean())


def _bin_of(confidence: Floats, bins: int) -> NDArray[np.int64]:
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
