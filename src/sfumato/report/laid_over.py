"""A picture with what speaks for a class laid over it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.data.images import Pixels

TINT = (222, 120, 28)
"""What the most telling places are tinted with: seen on grey and on colours, by day and by night."""
STRENGTH = 0.75
"""Opacity of the tint at the most telling place."""


def laid_over(pixels: Pixels, places: NDArray[np.float32]) -> Pixels:
    """A picture in grey, tinted where places speak for the class.

    Args:
        pixels: (H, W, 3) uint8.
        places: (h, w) from 0 to 1, of the whole picture.
    """
    height, width = pixels.shape[:2]
    wide = Image.fromarray(places, mode="F").resize((width, height), Image.Resampling.BICUBIC)
    opacity = STRENGTH * np.clip(np.asarray(wide), 0, 1)[:, :, None]
    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    mixed = (1 - opacity) * grey[:, :, None] + opacity * np.array(TINT, dtype=np.float32)
    return mixed.round().clip(0, 255).astype(np.uint8)
