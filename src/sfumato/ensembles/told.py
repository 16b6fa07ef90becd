"""What scores of samples come to: whether the answer is right, and the log loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.fusion.cross_entropy import losses
from sfumato.metrics.membership import Truth

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Answers = NDArray[np.int64] | NDArray[np.bool_]
"""(N,) class indices, or (N, C) whether each class is named."""


@dataclass(frozen=True)
class Told:
    """Of N samples of which all is known."""

    right: Booleans
    """(N,) whether each answer is; of several classes, whether all are named and no other."""
    loss: Doubles
    """(N,) -log p of what is so in nats, summed where classes are on their own."""

    @classmethod
    def of(cls, scores: Floats, truth: Truth, answers: Answers | None = None) -> "Told":
        """Of (N, C) scores; the answers are the likeliest class, or all that are likelier than not, unless given."""
        likely = scores.argmax(axis=1) if truth.ndim == 1 else scores > 0
        return cls(all_right(likely if answers is None else answers, truth), losses(scores, truth))

    @classmethod
    def joined(cls, parts: Sequence["Told"]) -> "Told":
        """Of parts that follow each other."""
        return cls(np.concatenate([one.right for one in parts]), np.concatenate([one.loss for one in parts]))


def all_right(answers: Truth, truth: Truth) -> Booleans:
    """(N,) whether each answer is what is so."""
    return answers == truth if truth.ndim == 1 else (answers == truth).all(axis=1)
