"""Soups: the mean of the weights of several networks of one make, as one network (Wortsman et al., ICML 2022).

Wortsman et al., Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time. An ingredient is a set of weights; of ingredients of one training, that of one of its epochs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import torch
from pydantic import Field
from torch import Tensor

from sfumato.errors import InputError
from sfumato.spec import Spec
from sfumato.training.plan import Plan

Tensors = dict[str, Tensor]
Made = TypeVar("Made")


class SoupSpec(Spec):
    """A greedy soup of a training's best epochs, made after its last step; it is kept if it scores higher than all.

    Each ingredient is as large on disk as the network; they are removed when the soup is made. With a new head they
    begin anew.
    """

    epochs: Annotated[int, Field(ge=2)] = 5
    """How many epochs are ingredients, those with the highest `train.select`; of each its best weights, averaged ones
    too."""


@dataclass(frozen=True)
class Trial:
    """One ingredient that was tried."""

    ingredient: int
    """Its place in the order of trying."""
    score: float
    """On validation, of the soup with it in."""
    taken: bool


def greedy(
    ingredients: int, make: Callable[[tuple[int, ...]], Made], score: Callable[[Made], float]
) -> tuple[Made, tuple[Trial, ...]]:
    """Try ingredients in their order, and take in each with which the soup does not score lower: recipe 1 of the paper.

    Args:
        ingredients: How many there are; their order is that of their own scores, best first.
        make: The soup of some of them, by their places.
        score: Of a soup, on validation.

    Returns:
        The soup, and what was tried, in order.
    """
    taken, soup = (0,), make((0,))
    trials = [Trial(0, score(soup), taken=True)]
    for one in range(1, ingredients):
        other = make((*taken, one))
        trials.append(Trial(one, score(other), taken=score(other) >= score(soup)))
        if trials[-1].taken:
            taken, soup = (*taken, one), other
    return soup, tuple(trials)


def refuse_idle_soup(plan: Plan) -> None:
    """Refuse a soup of one.

    Raises:
        InputError: Fewer than two epochs end with the plan's last head.
    """
    begins = plan.heads[-1].begin
    if plan.clock.epochs - begins <= 1:
        what = f"has no effect: one epoch alone ends with the head that comes at epoch {begins:g}"
        raise InputError(what, setting="train.soup", mend="train for longer, or leave it out")


@torch.no_grad()
def mean_of(states: Iterable[Tensors]) -> Tensors:
    """The arithmetic mean of each tensor over one state or more, on the CPU; whole numbers are those of the first.

    Summed in double precision, so that the mean of equal weights is these weights to the bit.
    """
    first: Tensors = {}
    sums: Tensors = {}
    count = 0
    for state in states:
        first = first or state
        count += 1
        for name, tensor in state.items():
            if tensor.is_floating_point():
                wide = tensor.detach().cpu().double()
                sums[name] = sums[name].add_(wide) if name in sums else wide.clone()
    means = {name: (total / count).to(first[name].dtype) for name, total in sums.items()}
    return {name: means[name] if name in means else tensor.detach().cpu() for name, tensor in first.items()}
