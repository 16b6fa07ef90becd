"""Pictures small enough to live inside a page, as JPEG data URIs."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from sfumato.data.images import BadImageError, Pixels, decode

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 160
"""Longest side of a thumbnail, pixels: twice what the page shows, for sharp screens."""
_QUALITY = 78


def of_file(path: Path | str) -> str | None:
    """The picture in a file; None where it can't be read any more."""
    try:
        return of_pixels(decode(path))
    except BadImageError:
        return None


def of_tensor(image: "Tensor") -> str:
    """A training image, (3, H, W) uint8 or floats in 0 to 255."""
    return of_pixels(image.round().clamp(0, 255).byte().permute(1, 2, 0).numpy())


def of_pixels(pixels: Pixels) -> str:
    """(H, W, 3) uint8, made no larger than it is."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
