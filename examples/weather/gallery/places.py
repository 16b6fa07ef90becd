"""What a map shows: a region in a projection, as a rectangle of pixels, and the coast and land in it."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from gallery.projections import Floats, Projection

HERE = Path(__file__).parent.parent
REGIONS: dict[str, tuple[float, float, float, float]] = {
    "china": (72, 136, 16, 54),
    "east": (110, 128, 22, 38),
    "north": (104, 128, 32, 50),
    "south": (102, 122, 16, 30),
    "pacific": (100, 148, 4, 44),
    "asia": (64, 146, 12, 62),
}
"""Name -> degrees: west, east, south, north; within what the fields cover."""
FINE = 5
"""Cells of the mask of land a degree."""


@dataclass(frozen=True)
class View:
    """A map of `width` x `height` pixels."""

    region: str
    kind: str
    width: int
    height: int

    @cached_property
    def projection(self) -> Projection:
        """The projection around the region's middle."""
        west, east, south, north = REGIONS[self.region]
        return Projection(self.kind, (west + east) / 2, (south + north) / 2)

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """West, east, south and north of the map in its own units; the region, widened to the shape of the picture."""
        west, east, south, north = REGIONS[self.region]
        side = np.linspace(0, 1, 20)
        lon = np.concatenate([west + (east - west) * side] * 2 + [np.full(20, west), np.full(20, east)])
        lat = np.concatenate([np.full(20, south), np.full(20, north)] + [south + (north - south) * side] * 2)
        x, y = self.projection.forward(lon, lat)
        middle, span = ((x.min() + x.max()) / 2, (y.min() + y.max()) / 2), (np.ptp(x), np.ptp(y))
        scale = min(span[0] / self.width, span[1] / self.height)  # fills the picture, and cuts what is too long
        half = (scale * self.width / 2, scale * self.height / 2)
        return middle[0] - half[0], middle[0] + half[0], middle[1] - half[1], middle[1] + half[1]

    @lru_cache(maxsize=4)  # noqa: B019  # views live as long as their process
    def grid(self, step: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Axes x (W,) and y (H,) every `step` pixels, the first row at the bottom; lon and lat (H, W) there."""
        west, east, south, north = self.box
        x = np.linspace(west, east, max(2, self.width // step))
        y = np.linspace(south, north, max(2, self.height // step))
        lon, lat = self.projection.inverse(*np.meshgrid(x, y))
        return x, y, lon, lat

    @cached_property
    def coast(self) -> list[Floats]:
        """(N, 2) lines on the map."""
        west, east, south, north = self.box
        lines: list[Floats] = []
        for line in _coast():
            x, y = self.projection.forward(line[:, 0], line[:, 1])
            if ((x > west) & (x < east) & (y > south) & (y < north)).any():
                lines.append(np.stack([x, y], axis=1))
        return lines

    @cached_property
    def land(self) -> Floats:
        """(H / 2, W / 2) 1 on land and 0 at sea, the first row at the bottom."""
        _, _, lon, lat = self.grid(2)
        return ndimage.map_coordinates(land(), [(lat - SOUTH) * FINE, (lon - WEST) * FINE], order=1, mode="nearest")


WEST, EAST, SOUTH, NORTH = 40.0, 170.0, 0.0, 75.0


@lru_cache(maxsize=1)
def _coast() -> list[Floats]:
    """(N, 2) degrees, the lines around what is ever shown."""
    stored = np.load(HERE / "coast_east_asia_50m.npz")
    ends = [*stored["off"].tolist(), len(stored["xy"])]
    lines = [stored["xy"][a:b].astype(np.float64) for a, b in pairwise(ends) if b - a > 1]
    near = [line for line in lines if (line[:, 0].max() > WEST) and (line[:, 0].min() < EAST)]
    return [line for line in near if line[:, 1].max() > SOUTH - 5]


@lru_cache(maxsize=1)
def land() -> NDArray[np.float64]:
    """1 on land, 0 at sea, FINE cells a degree from SOUTH and WEST: whatever coast parts from known points of sea."""
    wide, high = int((EAST - WEST) * FINE) + 1, int((NORTH - SOUTH) * FINE) + 1
    image = Image.new("L", (wide, high))
    pen = ImageDraw.Draw(image)
    for line in _coast():
        pen.line([((lon - WEST) * FINE, (lat - SOUTH) * FINE) for lon, lat in line.tolist()], fill=1)
    parts = ndimage.label(np.asarray(image) == 0)[0]
    water = [(150, 20), (90, 8), (65, 10), (114, 14), (135, 40), (150, 55), (122, 36), (119.5, 39), (160, 60)]
    sea = {int(parts[int((lat - SOUTH) * FINE), int((lon - WEST) * FINE)]) for lon, lat in water} - {0}
    return (~np.isin(parts, list(sea))).astype(np.float64)
