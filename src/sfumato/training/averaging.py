"""The moving average of the weights (EMA), batch-norm statistics included."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """Average of a model's parameters and float buffers over its training steps.

    a <- d a + (1 - d) w, with d = min(decay, (1 + t) / (10 + t)) after t updates, so that the random start is forgotten
    (as in TensorFlow's ExponentialMovingAverage). Whole-number buffers are copied.
    """

    def __init__(self, model: nn.Module) -> None:
        self.updates = 0
        self.tensors = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, decay: float) -> None:
        """Take in the model's present weights; `decay` in 0 to 1."""
        weight = 1 - min(decay, (1 + self.updates) / (10 + self.updates))
        state = model.state_dict()
        for name, tensor in state.items():
            if tensor.is_floating_point():
                self.tensors[name].lerp_(tensor, weight)
            else:
                self.tensors[name].copy_(tensor)
        self.updates += 1

    @contextmanager
    def in_place_of(self, model: nn.Module) -> Generator[None]:
        """Within the context the model carries the averaged weights; afterwards its own, to the bit."""
        own = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(self.tensors)
        try:
            yield
        finally:
            model.load_state_dict(own)

    def restore(self, tensors: dict[str, Tensor], updates: int) -> None:
        """Go on from saved tensors and number of updates."""
        for name, tensor in tensors.items():
            self.tensors[name].copy_(tensor)
        self.updates = updates
