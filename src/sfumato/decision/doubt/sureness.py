"""Sureness: which wrong answers stand out is a property of the data, so measure all of them.

Shapes: N samples, C classes, at least 2. Each gives (N,), more meaning surer.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]
Familiarity = NDArray[np.floating] | None
"""(N,) negative distances from what a network was trained on; None = they were not measured."""
By = Literal["confidence", "margin", "entropy", "energy", "mahalanobis", "knn"]
"""What a recipe can name."""


def sureness(
    by: By, logits: NDArray[np.floating], probabilities: Floats, answered: Floats, familiarity: Familiarity = None
) -> Floats:
    """(N,), 0 to 1, more meaning surer.

    Args:
        by: The measure.
        logits: (N, C), the network's own; energy alone reads them.
        probabilities: (N, C), each row summing to 1.
        answered: (N,) probability of the answer, which need not be the likeliest class.
        familiarity: (N,) by the same measure, at most 0; mahalanobis and knn alone read it.

    Raises:
        InputError: It is read, and not there.
    """
    refuse_not_finite(logits=logits, probabilities=probabilities, answered=answered)
    if familiarity is not None:
        refuse_not_finite(familiarity=familiarity)
    if by in ("mahalanobis", "knn"):
        return 1 / (1 - measured(familiarity))
    if by == "margin":
        return margin(probabilities)
    if by == "entropy":
        return np.clip(certainty(probabilities), 0, 1)
    if by == "energy":
        return _squeezed(energy(logits))
    return answered


def measured(familiarity: Familiarity) -> Floats:
    """(N,) familiarity, where it is needed.

    Raises:
        InputError: It was not measured, or is not finite.
    """
    if familiarity is None:
        raise InputError("no familiarity was measured of these samples, which the policy withholds by")
    refuse_not_finite(familiarity=familiarity)
    return familiarity.astype(np.float64)


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
