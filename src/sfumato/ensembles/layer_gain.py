"""What the hidden layer of an `mlp` adds to the logistic regression that it stands beside, on the same samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.fusion.cross_entropy import losses
from sfumato.metrics.honesty import mean_interval
from sfumato.metrics.intervals import Interval
from sfumato.metrics.paired import paired_difference
from sfumato.predictions import UNKNOWN
from sfumato.stored import stored

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Told:
    """What scores of N samples come to."""

    predicted: Integers
    """(N,) class indices."""
    loss: Doubles
    """(N,) -log p of the truth in nats; 0 where the class is not known."""

    @classmethod
    def of(cls, scores: Floats, truth: Integers) -> "Told":
        """Of (N, C) scores and (N,) class indices, UNKNOWN where the class is not known."""
        known, loss = truth != UNKNOWN, np.zeros(len(truth))
        loss[known] = losses(scores[known], truth[known])
        return cls(scores.argmax(axis=1), loss)

    @classmethod
    def joined(cls, parts: Sequence["Told"]) -> "Told":
        """Of parts that follow each other."""
        return cls(np.concatenate([one.predicted for one in parts]), np.concatenate([one.loss for one in parts]))


@dataclass(frozen=True)
class Beside:
    """The same samples with the layer and without."""

    layered: Told
    stacked: Told


@stored
@dataclass(frozen=True)
class LayerGain:
    """With the layer less without, paired on the same samples."""

    nll: Interval
    """Of log loss, in nats a sample; below 0 the layer gains."""
    accuracy: Interval
    """Of accuracy; above 0 the layer gains."""

    @property
    def shown(self) -> bool:
        """Whether the log loss is lower by more than chance explains."""
        return self.nll.high < 0


def layer_gain(beside: Beside, truth: Integers, rows: Integers, groups: Integers | None) -> LayerGain:
    """The gain on samples of known class.

    Args:
        beside: Of all N samples.
        truth: (N,) class indices.
        rows: (n,) the samples of known class.
        groups: (n,) number of the group each of them belongs to; None = each is on its own.
    """
    less = beside.layered.loss[rows] - beside.stacked.loss[rows]
    with_layer, without = (one.predicted[rows] for one in (beside.layered, beside.stacked))
    right = paired_difference(truth[rows], with_layer, without, "accuracy", groups)
    return LayerGain(mean_interval(less, groups), right)
