"""Activations of transformers' networks computed anew in the backward pass instead of kept (Chen et al. 2016)."""

from typing import Any


def recompute(network: Any) -> None:
    """Do so from now on, while training."""
    how = {"use_reentrant": False}
    if hasattr(network, "activation_checkpointing_enable"):  # the name of the other will be gone in transformers 6
        network.activation_checkpointing_enable(activation_checkpointing_kwargs=how)
    else:
        network.gradient_checkpointing_enable(gradient_checkpointing_kwargs=how)
