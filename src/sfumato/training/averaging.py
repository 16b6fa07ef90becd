"""Averages of the weights over training: moving (EMA) and equal (SWA), batch-norm statistics included."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

from sfumato.shown import Shown
from sfumato.spec import Spec
from sfumato.training.duration import ZERO, DurationField

Tensors = dict[str, Tensor]


class SwaSpec(Spec):
    """Stochastic weight averaging (Izmailov et al., UAI 2018): a steady learning rate, and an average along it.

    With a new head the average begins anew.
    """

    lr: Annotated[float, Field(gt=0)]
    """Learning rate while averaging, instead of the schedule's; 0.05 to 0.5 of the greatest one serves."""
    every: Annotated[int, Field(ge=1)] = 1
    """Epochs between two weights that are averaged."""
    anneal: DurationField = ZERO
    """How long the rate takes to come from the schedule's to its own, in half a cosine."""


class WeightAverage:
    """A weighted mean of a model's parameters and float buffers at several moments; whole-number buffers are copied."""

    def __init__(self, model: nn.Module) -> None:
        self.updates = 0
        self.tensors = copies(model)

    @torch.no_grad()
    def take_in(self, model: nn.Module, weight: float) -> None:
        """A <- (1 - weight) a + weight w, for the model's present weights w."""
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                self.tensors[name].lerp_(tensor, weight)
            else:
                self.tensors[name].copy_(tensor)
        self.updates += 1

    def follow(self, model: nn.Module, replaced: str) -> None:
        """Take the model's own tensors for those that begin with `replaced`, which it has exchanged."""
        kept = {name: tensor for name, tensor in self.tensors.items() if not name.startswith(replaced)}
        self.tensors = {name: kept.get(name, tensor) for name, tensor in copies(model).items()}

    def restore(self, tensors: Tensors, updates: int) -> None:
        """Go on from saved tensors and number of updates."""
        for name, tensor in tensors.items():
            self.tensors[name].copy_(tensor)
        self.updates = updates


def moving_weight(decay: float, updates: int) -> float:
    """Weight of the next weights in a moving average (EMA): 1 - min(decay, (1 + t) / (10 + t)) after t updates.

    So the random start is forgotten, as in TensorFlow's ExponentialMovingAverage.
    """
    return 1 - min(decay, (1 + updates) / (10 + updates))


def equal_weight(updates: int) -> float:
    """Weight of the next weights in a mean in which all count the same (SWA), after `updates` of them."""
    return 1 / (updates + 1)


def norms_that_learn(model: nn.Module) -> list[_BatchNorm]:
    """Batch norms whose statistics follow the weights; a frozen one keeps what it was pretrained with."""
    norms = (module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats)
    return [norm for norm in norms if all(parameter.requires_grad for parameter in norm.parameters())]


def norms_that_differ(model: nn.Module, states: Iterable[Tensors]) -> list[_BatchNorm]:
    """Batch norms of which several states of a model hold different tensors; one that was always frozen is none."""
    named = cast(Iterable[tuple[str, nn.Module]], model.named_modules())
    norms = {name: one for name, one in named if isinstance(one, _BatchNorm) and one.track_running_stats}
    first: Tensors = {}
    found: set[str] = set()
    for state in states:
        first = first or state
        for name, norm in norms.items():
            if any(not torch.equal(first[f"{name}.{own}"], state[f"{name}.{own}"]) for own in norm.state_dict()):
                found.add(name)
    return [norm for name, norm in norms.items() if name in found]


@torch.no_grad()
def refresh_statistics(
    model: nn.Module, shown: Iterable[Tensor | Shown], norms: Sequence[_BatchNorm] | None = None
) -> None:
    """Compute anew the statistics that batch norms have over all that is shown, each batch counting the same.

    Averaged weights have statistics of their own, which no average of statistics is (Izmailov et al., section 3.2). As
    torch's `update_bn`, with dropout off. The model is left in evaluation mode.

    Args:
        model: Carries the averaged weights.
        shown: Batches of the training part; not asked for where there is no such batch norm.
        norms: Whose statistics; None = of those that learn.
    """
    norms = norms_that_learn(model) if norms is None else norms
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch: the plain mean of all batches
        norm.train()
    for batch in shown if norms else ():
        model(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


@contextmanager
def carrying(model: nn.Module, tensors: Tensors) -> Generator[None]:
    """Within the context the model carries other weights; afterwards its own, to the bit."""
    own = copies(model)
    model.load_state_dict(tensors)
    try:
        yield
    finally:
        model.load_state_dict(own)


def copies(model: nn.Module) -> Tensors:
    """Copies of all its parameters and buffers, where they are."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
