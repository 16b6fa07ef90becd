"""Where a place of a map lies, as sines and cosines of its row and column."""

import torch
from timm.layers.pos_embed_sincos import build_sincos2d_pos_embed
from torch import Tensor


class Positions:
    """Tables of positions, each computed once for a size of map and a device.

    Args:
        width: Numbers of a position, D; a multiple of 4.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._kept: dict[tuple[int, int, torch.device], Tensor] = {}

    def __call__(self, height: int, width: int, device: torch.device) -> Tensor:
        """(H * W, D) float32, row by row; the same tensor each time."""
        key = (height, width, device)
        if key not in self._kept:
            with torch.inference_mode(False):  # a table first made in inference could never be learnt from
                self._kept[key] = build_sincos2d_pos_embed([height, width], self._width, device=device)
        return self._kept[key]
