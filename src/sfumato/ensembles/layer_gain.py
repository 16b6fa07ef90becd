"""What the hidden layer of an `mlp` adds to the logistic regression that it stands beside, on the same samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.ensembles.told import Told
from sfumato.metrics.honesty import mean_interval
from sfumato.metrics.intervals import Interval
from sfumato.metrics.paired import paired_difference
from sfumato.stored import stored

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Beside:
    """The same samples, those of which something is known, with the layer and without."""

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


def layer_gain(beside: Beside, groups: Integers | None) -> LayerGain:
    """The gain; `groups`: (N,) number of the group each sample belongs to, None = each is on its own."""
    less = beside.layered.loss - beside.stacked.loss
    return LayerGain(mean_interval(less, groups), difference_of_right(beside.layered, beside.stacked, groups))


def difference_of_right(one: Told, other: Told, groups: Integers | None) -> Interval:
    """How much more often the first is right, paired on the same samples."""
    ones, within = np.ones(len(one.right), dtype=np.int64), None if groups is None else groups[one.whole]
    return paired_difference(ones, one.right.astype(np.int64), other.right.astype(np.int64), "accuracy", within)
