"""Sureness from what the model says: which wrong answers stand out is a property of the data, so measure all of them.

Shapes: N samples, C classes, at least 2. Each gives (N,), more meaning surer.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]
By = Literal["confidence", "margin", "entropy", "energy"]
"""The measures that a recipe can name."""


def sureness(by: By, logits: NDArray[np.floating], probabilities: Floats, answered: Floats) -> Floats:
    """(N,), 0 to 1, more meaning surer.

    Args:
        by: The measure.
        logits: (N, C), the network's own; energy alone reads them.
        probabilities: (N, C), each row summing to 1.
        answered: (N,) probability of the answer, which need not be the likeliest class.
    """
    refuse_not_finite(logits=logits, probabilities=probabilities, answered=answered)
    if by == "margin":
        return margin(probabilities)
    if by == "entropy":
        return np.clip(certainty(probabilities), 0, 1)
    if by == "energy":
        return _squeezed(energy(logits))
    return answered


def confidence(probabilities: Floats) -> Floats:
    """Probability of the likeliest class, 1 / C to 1 (Hendrycks and Gimpel, ICLR 2017)."""
    refuse_not_finite(probabilities=probabilities)
    return probabilities.max(axis=1)


def margin(probabilities: Floats) -> Floats:
    """Probability of the likeliest class less that of the second, 0 to 1 (Scheffer et al., IDA 2001)."""
    refuse_not_finite(probabilities=probabilities)
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def certainty(probabilities: Floats) -> Floats:
    """1 less the entropy in units of log C: 0 where all classes are as likely, 1 where one is certain."""
    refuse_not_finite(probabilities=probabilities)
    p = np.where(probabilities == 0, 1, probabilities)
    return 1 + (p * np.log(p)).sum(axis=1) / np.log(probabilities.shape[1])


def energy(logits: NDArray[np.floating], temperature: float = 1.0) -> Floats:
    """T log sum exp(z / T), unbounded: the negative energy of Liu et al., Energy-based Out-of-distribution Detection,
    NeurIPS 2020, eq. 4. Unlike probabilities it sees how large the logits are, so they must not be adjusted or centred.

    Args:
        logits: (N, C), the model's own.
        temperature: T, above 0.
    """
    refuse_not_finite(logits=logits)
    z = logits.astype(np.float64) / temperature
    top = z.max(axis=1)
    return temperature * (top + np.log(np.exp(z - top[:, None]).sum(axis=1)))


def _squeezed(unbounded: Floats) -> Floats:
    """The same order, from 0 to 1."""
    return (1 + unbounded / (1 + np.abs(unbounded))) / 2
