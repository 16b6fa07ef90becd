"""Four map projections of the sphere (Snyder, Map Projections: A Working Manual, USGS 1987), radius 1."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
KINDS = ("plate", "mercator", "lambert", "polar")


@dataclass(frozen=True)
class Projection:
    """One of KINDS around a central meridian."""

    kind: str
    lon0: float
    """Central meridian, degrees."""
    lat0: float
    """Latitude in the middle of the map, degrees; `lambert` is true 12 degrees to either side of it."""

    def forward(self, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        """(N,) degrees -> (N,) x and y on the map."""
        east, phi = np.radians(lon - self.lon0), np.radians(lat)
        if self.kind == "plate":
            return east * math.cos(math.radians(self.lat0)), phi
        if self.kind == "mercator":
            return east, np.log(np.tan(math.pi / 4 + phi / 2))
        cone, scale = self._cone
        rho = scale / np.tan(math.pi / 4 + phi / 2) ** cone
        return rho * np.sin(cone * east), -rho * np.cos(cone * east)

    def inverse(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """(N,) x and y on the map -> (N,) degrees."""
        if self.kind == "plate":
            return self.lon0 + np.degrees(x / math.cos(math.radians(self.lat0))), np.degrees(y)
        if self.kind == "mercator":
            return self.lon0 + np.degrees(x), np.degrees(2 * np.arctan(np.exp(y)) - math.pi / 2)
        cone, scale = self._cone
        lon = self.lon0 + np.degrees(np.arctan2(x, -y) / cone)
        return lon, np.degrees(2 * np.arctan((scale / np.hypot(x, y)) ** (1 / cone)) - math.pi / 2)

    def turn(self, lon: Floats) -> Floats:
        """(N,) degrees -> (N,) radians by which east is turned on the map, anticlockwise."""
        if self.kind in {"plate", "mercator"}:
            return np.zeros_like(lon)
        return self._cone[0] * np.radians(lon - self.lon0)

    @property
    def _cone(self) -> tuple[float, float]:
        """Constant of the cone (Snyder, equations 15-3 and 21-5 with n = 1) and its scale."""
        if self.kind == "polar":
            return 1.0, 2.0
        first, second = (math.radians(self.lat0 + shift) for shift in (-12, 12))
        half = [math.tan(math.pi / 4 + phi / 2) for phi in (first, second)]
        cone = math.log(math.cos(first) / math.cos(second)) / math.log(half[1] / half[0])
        return cone, math.cos(first) * half[0] ** cone / cone
