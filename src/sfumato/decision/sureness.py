"""How sure an answer is, by one of the measures that a recipe can name."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.doubt import sureness as measures

Floats = NDArray[np.float64]
By = Literal["confidence", "margin", "entropy", "energy"]


def sureness(by: By, logits: NDArray[np.floating], probabilities: Floats, confidence: Floats) -> Floats:
    """(N,), 0 to 1, more meaning surer.

    Args:
        by: The measure.
        logits: (N, C), the network's own; energy alone reads them.
        probabilities: (N, C), each row summing to 1.
        confidence: (N,) probability of the answer, which need not be the likeliest class.
    """
    if by == "margin":
        return measures.margin(probabilities)
    if by == "entropy":
        return np.clip(measures.certainty(probabilities), 0, 1)
    if by == "energy":
        return _squeezed(measures.energy(logits))
    return confidence


def _squeezed(unbounded: Floats) -> Floats:
    """The same order, from 0 to 1."""
    return (1 + unbounded / (1 + np.abs(unbounded))) / 2
