"""Random weights at first: as timm's StarNet has them, whose authors meant them for convolutions too."""

from torch import nn


def spread_out(model: nn.Module) -> nn.Module:
    """Draw the weights of convolutions and linear layers from a truncated normal of width 0.02; biases are 0."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model
