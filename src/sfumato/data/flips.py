"""Mirrorings of a picture, for training and for looking at it more than once."""

from typing import Literal

from torch import Tensor

Flip = Literal["horizontal", "vertical", "transpose"]


def flipped(image: Tensor, flip: Flip) -> Tensor:
    """(..., H, W) -> left and right, or top and bottom, changed places; `transpose` swaps rows and columns."""
    dims = {"horizontal": (-1,), "vertical": (-2,)}.get(flip)
    return image.flip(dims) if dims else image.transpose(-1, -2)
