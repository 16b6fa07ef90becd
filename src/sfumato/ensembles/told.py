"""What scores of samples come to: whether the answer is right, and the log loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.fusion.cross_entropy import losses
from sfumato.metrics.label_scores import exact_matches
from sfumato.metrics.membership import Truth, complete

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Answers = NDArray[np.int64] | NDArray[np.bool_]
"""(N,) class indices, or (N, C) whether each class is named."""


@dataclass(frozen=True)
class Told:
    """Of N samples of which something is known."""

    right: Booleans
    """(n,) whether each answer is; of several classes, whether all are named and no other, of the n samples of which
    all is known."""
    loss: Doubles
    """(N,) -log p of what is so in nats, summed over those that are known where classes are on their own."""
    whole: Booleans
    """(N,) which are the n."""

    @classmethod
    def of(cls, scores: Floats, truth: Truth, answers: Answers | None = None) -> "Told":
        """Of (N, C) scores; the answers are the likeliest class, or all that are likelier than not, unless given."""
        likely = scores.argmax(axis=1) if truth.ndim == 1 else scores > 0
        right = all_right(likely if answers is None else answers, truth)
        return cls(right, losses(scores, truth), complete(truth.reshape(len(truth), -1)))

    @classmethod
    def joined(cls, parts: Sequence["Told"]) -> "Told":
        """Of parts that follow each other."""
        return cls(*(np.concatenate([getattr(one, name) for one in parts]) for name in ("right", "loss", "whole")))


def all_right(answers: Truth, truth: Truth) -> Booleans:
    """(n,) whether each answer is what is so, of the samples of which all is known."""
    return answers == truth if truth.ndim == 1 else exact_matches(truth, answers == 1)
