"""Running a layer with its activations kept for the backward pass, or computed anew in it (Chen et al. 2016)."""

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils import checkpoint


def run(layers: Iterable[nn.Module], images: Tensor, *, anew: bool) -> Tensor:
    """Pass images through layers, one after another; `anew` keeps what goes into each alone, and no more."""
    for layer in layers:
        images = run_one(layer, images, anew=anew)
    return images


def run_one(layer: nn.Module, images: Tensor, *, anew: bool) -> Tensor:
    """As `run`, of one layer."""
    if anew and torch.is_grad_enabled():
        return cast(Any, checkpoint).checkpoint(layer, images, use_reentrant=False)
    return layer(images)
