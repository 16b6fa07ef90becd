"""How a picture looks, as numbers, all from one copy no larger than SIDE so that they compare across sizes.

Percentiles and entropy follow CleanVision (`image_property.py`), which found them steadier than means. The variance of
the Laplacian is the focus measure LAPV of Pech-Pacheco et al., ICPR 2000. The border pixels are those of Noyan,
"Uncovering bias in the PlantVillage dataset", 2022.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from sfumato.data.health.facts import Look
from sfumato.data.images import Pixels

SIDE = 256
"""Longest side of the copy, pixels; smaller pictures stay as they are."""

FINER = 4
"""Times SIDE; of larger pictures every n-th pixel is enough to average over, and saves half of the time."""

_LEVELS = np.arange(256, dtype=np.float64)


def look_at(pixels: Pixels, *, transparent: bool) -> Look:
    """Measure (H, W, 3) uint8 pixels."""
    copy = small_copy(pixels)
    red, green, blue = copy.split()
    grey = np.asarray(copy.convert("L"))
    shares = np.bincount(grey.ravel(), minlength=256) / grey.size
    mean = float(shares @ _LEVELS)
    spread = float(shares @ (_LEVELS - mean) ** 2) ** 0.5
    return Look(
        transparent=transparent,
        brightness=mean / 255,
        lightest=_percentile(ImageChops.lighter(ImageChops.lighter(red, green), blue), 0.99),
        darkest=_percentile(ImageChops.darker(ImageChops.darker(red, green), blue), 0.05),
        contrast=spread / 255,
        sharpness=_laplacian_variance(grey),
        information=_entropy(shares),
        border=border(pixels),
    )


def small_copy(pixels: Pixels) -> Image.Image:
    """The picture in RGB, its longest side at most SIDE; grey values of it are luma by ITU-R 601."""
    step = max(1, max(pixels.shape) // (FINER * SIDE))
    image = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None)
    return image


def border(pixels: Pixels) -> bytes:
    """RGB of the 4 corners and the 4 middles of the edges, 24 bytes, row by row."""
    height, width = pixels.shape[:2]
    rows, columns = (0, height // 2, height - 1), (0, width // 2, width - 1)
    places = [(row, column) for row in rows for column in columns]
    del places[4]  # the middle of the picture
    return b"".join(pixels[place].tobytes() for place in places)


def _laplacian_variance(grey: Pixels) -> float | None:
    """Of the 4-neighbour Laplacian inside the picture; None where there is no inside."""
    if min(grey.shape) < 3:
        return None
    g = grey.astype(np.int16)
    laplacian = g[:-2, 1:-1] + g[2:, 1:-1] + g[1:-1, :-2] + g[1:-1, 2:] - 4 * g[1:-1, 1:-1]
    return float(laplacian.var(dtype=np.float32))


def _percentile(values: Image.Image, share: float) -> float:
    """The least value that so many of the pixels do not exceed, 0 to 1."""
    levels: Pixels = np.asarray(values)
    below = np.cumsum(np.bincount(levels.ravel(), minlength=256))
    return int(np.searchsorted(below, share * levels.size)) / 255


def _entropy(shares: NDArray[np.float64]) -> float:
    there = shares[shares > 0]
    return abs(float(there @ np.log2(there)))
