"""Weights of 4 bits: of a block of 64 each is one of 16 levels times the greatest of the block.

NF4 of Dettmers et al., QLoRA: Efficient Finetuning of Quantized LLMs, NeurIPS 2023, section 3 and appendix E: the
levels are quantiles of a normal distribution. A block's scale is held in bf16, where QLoRA holds it in 8 bits and once
more scaled: 4.25 bits a weight, and not 4.13.

Shapes: O outputs, I inputs of a layer (I even), K = ceil(O I / 64) blocks.
"""

from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

BLOCK = 64
LEVELS = torch.tensor([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
    -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
])  # fmt: skip
_MIDDLES = (LEVELS[1:] + LEVELS[:-1]) / 2
_PAIRS = LEVELS[torch.stack([torch.arange(256) >> 4, torch.arange(256) & 15], dim=1)]
"""(256, 2) levels of each byte; the first of two weights stands in its upper half, as in bitsandbytes."""


def empty(outputs: int, inputs: int) -> tuple[Tensor, Tensor]:
    """(O, I / 2) uint8 and (K,) bf16 of a layer whose weights are all 0."""
    if inputs % 2:
        raise ValueError(f"{inputs} inputs, an odd number")
    blocks = -(-outputs * inputs // BLOCK)
    return torch.zeros(outputs, inputs // 2, dtype=torch.uint8), torch.zeros(blocks, dtype=torch.bfloat16)


def pack(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(O, I) weights -> (O, I / 2) uint8, two a byte, and (K,) bf16, the greatest of each block."""
    outputs, inputs = weight.shape
    flat = weight.detach().float().reshape(-1)
    blocks = F.pad(flat, (0, -len(flat) % BLOCK)).view(-1, BLOCK)
    scales = blocks.abs().amax(dim=1).bfloat16()
    whole = torch.where(scales > 0, scales, 1).float()[:, None]
    codes = torch.bucketize(blocks / whole, _MIDDLES.to(weight.device), out_int32=True).to(torch.uint8)
    halves = codes.view(-1)[: len(flat)].view(-1, 2)
    return (halves[:, 0] << 4 | halves[:, 1]).view(outputs, inputs // 2), scales


def unpack(packed: Tensor, scales: Tensor, dtype: torch.dtype) -> Tensor:
    """(O, I) weights of what `pack` made, by bitsandbytes' kernel on a GPU where it is installed."""
    outputs, inputs = len(packed), 2 * packed.shape[1]
    if packed.is_cuda and find_spec("bitsandbytes") is not None:
        return _by_kernel(packed, scales, torch.empty(outputs, inputs, dtype=dtype, device=packed.device))
    flat = F.embedding(packed.view(-1).int(), _PAIRS.to(packed.device)).view(-1)
    blocks = F.pad(flat, (0, -len(flat) % BLOCK)).view(-1, BLOCK) * scales.float()[:, None]
    return blocks.view(-1)[: len(flat)].view(outputs, inputs).to(dtype)


def _by_kernel(packed: Tensor, scales: Tensor, out: Tensor) -> Tensor:
    import bitsandbytes  # pyright: ignore[reportMissingImports]  # of the extra `vlm`

    functional: Any = bitsandbytes.functional  # pyright: ignore[reportUnknownVariableType]
    flat = packed.view(-1, 1)
    functional.dequantize_4bit(flat, absmax=scales.float(), out=out, blocksize=BLOCK, quant_type="nf4")
    return out
