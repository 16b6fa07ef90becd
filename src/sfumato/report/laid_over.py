"""A picture with what speaks for a class laid over it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.data.images import Pixels

TINT = (222, 120, 28)
"""What the most telling places are tinted with: seen on grey and on colours, by day and by night."""
STRENGTH = 0.75
"""Opacity of the tint at the most telling place."""
FADED = 0.7
"""Of what the network does not see, that is even grey."""


def laid_over(pixels: Pixels, places: NDArray[np.float32]) -> Pixels:
    """A picture in grey, tinted where places speak for the class.

    Args:
        pixels: (H, W, 3) uint8.
        places: (h, w) from 0 to 1, of the whole picture.
    """
    height, width = pixels.shape[:2]
    wide = Image.fromarray(places, mode="F").resize((width, height), Image.Resampling.BICUBIC)
    opacity = STRENGTH * np.clip(np.asarray(wide), 0, 1)[:, :, None]
    mixed = (1 - opacity) * _grey(pixels) + opacity * np.array(TINT, dtype=np.float32)
    return mixed.round().clip(0, 255).astype(np.uint8)


def laid_over_part(pixels: Pixels, places: NDArray[np.float32], box: tuple[float, float, float, float]) -> Pixels:
    """The same where the places are of a part of the picture, or reach beyond it; what none of them is of is faded.

    Args:
        pixels: (H, W, 3) uint8.
        places: (h, w) from 0 to 1.
        box: Left, top, right and bottom of what they are of, as shares of W and H; see `Preprocess.box`.
    """
    height, width = pixels.shape[:2]
    (left, right), (top, bottom) = _ends(box[0], box[2], width), _ends(box[1], box[3], height)
    wide = Image.fromarray(places, mode="F").resize((right - left, bottom - top), Image.Resampling.BICUBIC)
    rows, columns = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
    seen = np.asarray(wide)[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    found = (_grey(pixels) * (1 - FADED) + FADED * 128).repeat(3, axis=2).round().astype(np.uint8)
    found[rows, columns] = laid_over(pixels[rows, columns], seen)
    return found


def _ends(first: float, last: float, size: int) -> tuple[int, int]:
    """In pixels, one at least."""
    begin = round(first * size)
    return begin, max(begin + 1, round(last * size))


def _grey(pixels: Pixels) -> NDArray[np.float32]:
    """(H, W, 1) of (H, W, 3), 0 to 255."""
    return (pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32))[:, :, None]
