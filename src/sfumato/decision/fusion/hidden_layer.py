"""A hidden layer beside stacking: it sees what each member says of every class, so that members may answer together
what none says alone, such as that two who disagree point at a third class.

Shapes: M members, N samples, C classes, H hidden units.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.stored import stored

Floats = NDArray[np.float32]
Row = tuple[float, ...]


@stored
@dataclass(frozen=True)
class HiddenLayer:
    """Added to the stacked scores: tanh(sum over members of what they say x inputs + bias) x outputs.

    A tanh is never above 1, so what lies beyond all that it was fitted on moves no score further than the outputs say.
    """

    inputs: tuple[tuple[Row, ...], ...]
    """(M, C, H), for what members say as it is: neither centred nor scaled."""
    bias: Row
    """(H,)."""
    outputs: tuple[Row, ...]
    """(H, C)."""
    penalty: Annotated[float, Field(gt=0)]
    """What pulls the weights to 0, where stacking stands alone, in nats for a weight of 1; chosen by inner folds."""

    @property
    def units(self) -> int:
        """H."""
        return len(self.bias)

    def share(self, member: int, said: Floats) -> Floats:
        """(N, H) that a member adds to the layer's sum, of the (N, C) it says."""
        return said @ self._inputs[member]

    def correction(self, total: Floats) -> Floats:
        """(N, C) to be added to the stacked scores, from the (N, H) sum of all shares."""
        return np.tanh(total + self._bias) @ self._outputs

    def fits(self, members: int, classes: int) -> bool:
        """Whether it is of so many members and classes, and its parts of one width."""
        inputs = {(len(block), len(row)) for block in self.inputs for row in block}
        widths = {len(row) for row in self.outputs}
        there = len(self.inputs) == members and self.units == len(self.outputs) > 0
        return there and inputs == {(classes, self.units)} and widths == {classes}

    @cached_property
    def _inputs(self) -> Floats:
        return np.array(self.inputs, dtype=np.float32)

    @cached_property
    def _bias(self) -> Floats:
        return np.array(self.bias, dtype=np.float32)

    @cached_property
    def _outputs(self) -> Floats:
        return np.array(self.outputs, dtype=np.float32)
