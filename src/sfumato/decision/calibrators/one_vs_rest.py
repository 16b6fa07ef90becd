"""Each class against all others: scores and probabilities of N samples over C classes, one column a class.

Of classes that exclude each other (`exclusive`) the probabilities of a sample sum to 1; else each class is on its own.
"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

Floats = NDArray[np.float64]
Count = Annotated[int, Field(ge=0)]


def log_odds(logits: NDArray[np.floating], exclusive: bool) -> Floats:
    """(N, C) log p / (1 - p) of each class; p is the softmax where classes exclude each other, else the sigmoid.

    Finite wherever the logits are, however sure the model is: 1 - p is never taken from a p that rounds to 1.
    """
    z = logits.astype(np.float64)
    if not exclusive or not len(z):
        return z
    rows, top = np.arange(len(z)), z.argmax(axis=1)
    z = z - z[rows, top][:, None]
    odds = np.exp(z)
    found = z - np.log(np.maximum(odds.sum(axis=1, keepdims=True) - odds, 1))  # the top class alone is 1 of the rest
    z[rows, top] = -np.inf
    second = z.max(axis=1, keepdims=True)
    found[rows, top] = -(second[:, 0] + np.log(np.exp(z - second).sum(axis=1)))
    return found


def log_sigmoid(log_odds: Floats) -> Floats:
    """The logarithm of p from log p / (1 - p), without overflow; of the negated log-odds it is log(1 - p)."""
    return np.minimum(log_odds, 0) - np.log1p(np.exp(-np.abs(log_odds)))


def sigmoid(log_odds: Floats) -> Floats:
    """The probability p from log p / (1 - p), without overflow."""
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds < 0, small, 1) / (1 + small)


def softmax(z: Floats) -> Floats:
    """(N, C) shares in proportion to exp z, each row summing to 1."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def probabilities(log_odds: Floats, exclusive: bool) -> Floats:
    """(N, C) probabilities of calibrated log-odds.

    Where classes exclude each other rows are divided by their sum (Zadrozny and Elkan, Transforming Classifier Scores
    into Accurate Multiclass Probability Estimates, KDD 2002), in logarithms, so that no row is all 0.
    """
    return softmax(log_sigmoid(log_odds)) if exclusive else sigmoid(log_odds)


def check_lengths(**parts: tuple[object, ...]) -> None:
    """Refuse a stored record whose parts are not of one length, one value a class.

    Raises:
        ValueError: They are not; who reads the record says where.
    """
    if len({len(part) for part in parts.values()}) > 1:
        said = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
        raise ValueError(f"should have as many of each: {said}")
