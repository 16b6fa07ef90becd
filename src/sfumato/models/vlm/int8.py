"""Weights of 8 bits: those of an output are whole numbers from -127 to 127 times a scale of their own.

Shapes: O outputs, I inputs of a layer.
"""

import torch
from torch import Tensor

MOST = 127


def empty(outputs: int, inputs: int) -> tuple[Tensor, Tensor]:
    """(O, I) int8 and (O,) float32 of a layer whose weights are all 0."""
    return torch.zeros(outputs, inputs, dtype=torch.int8), torch.zeros(outputs)


def pack(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(O, I) weights -> (O, I) int8 and (O,) float32, what each step of an output's weights is worth."""
    plain = weight.detach().float()
    scales = plain.abs().amax(dim=1) / MOST
    steps = plain / torch.where(scales > 0, scales, 1)[:, None]
    return steps.round().to(torch.int8), scales


def unpack(packed: Tensor, scales: Tensor, dtype: torch.dtype) -> Tensor:
    """(O, I) weights of what `pack` made."""
    return (packed.float() * scales[:, None]).to(dtype)
