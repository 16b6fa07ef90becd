"""Where there is nothing in a picture that something drawn over it would hide."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; the last two are outside of it."""
_FAR = 24
"""Steps of 255 in a colour from one pixel to the next, from which on there is an edge between them."""


def occupied(picture: Image.Image, boxes: Sequence[Box]) -> list[float]:
    """For each box the share of its pixels that an edge begins at: of letters and legends many, of plain areas none."""
    pixels = np.asarray(picture.convert("RGB"), dtype=np.int16)
    return [_share(pixels[top:bottom, left:right]) for left, top, right, bottom in boxes]


def _share(inside: NDArray[np.int16]) -> float:
    """Of (H, W, 3) pixels; 0 where there are too few for an edge."""
    if min(inside.shape[:2]) < 2:
        return 0.0
    across = np.abs(np.diff(inside, axis=1)).max(axis=2)[:-1] > _FAR
    down = np.abs(np.diff(inside, axis=0)).max(axis=2)[:, :-1] > _FAR
    return float((across | down).mean())
