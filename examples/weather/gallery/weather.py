"""The weather of one moment: real fields where they are shipped, and what follows from them where they are not.

Wind at 10 m, temperature at 2 m, pressure at sea level and hourly rain are ERA5's, heights of 500 hPa are NCAR's;
heights of other levels follow from pressure and temperature (hypsometric equation), winds aloft from heights
(geostrophic balance). Humidity, clouds, echoes and visibility are made up around them. All is a function of the moment.
"""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]
FIELDS = Path(__file__).parent.parent / "fields_east_asia.npz"
WEST, SOUTH, WIDE, HIGH = 60.0, 0.0, 91, 66
"""Degrees of the first cell, and cells of one degree to the east and to the north."""
STEPS = 24
"""Moments, six hours apart, that are shipped."""


@lru_cache(maxsize=1)
def shipped() -> dict[str, Floats]:
    """The real fields in physical units: (24, 66, 91), the heights (21, 66, 91)."""
    stored = np.load(FIELDS)
    units = {"t2m": (0.01, 0.0), "u10": (0.01, 0.0), "v10": (0.01, 0.0), "msl": (0.1, 1000.0), "tp": (0.01, 0.0)}
    found = {name: stored[name] * scale + zero for name, (scale, zero) in units.items()}  # degrees C, m/s, hPa, mm
    lat = (np.arange(HIGH) + SOUTH - stored["z500_lat"][0]) / np.diff(stored["z500_lat"][:2])
    lon = (np.arange(WIDE) + WEST - stored["z500_lon"][0]) / np.diff(stored["z500_lon"][:2])
    where = np.meshgrid(lat, lon, indexing="ij")
    found["z500"] = np.stack([ndimage.map_coordinates(one.astype(float), where, order=3) for one in stored["z500"]])
    return found


@dataclass(frozen=True)
class Weather:
    """What there is on one date. Two of the same moment are the same, whoever draws them."""

    step: float
    """Moment among the shipped ones, 0 to 23; between two of them they are blended."""
    seed: int
    month: int = 0
    """Which of the 21 monthly heights."""
    cache: dict[str, Floats] = field(default_factory=dict, repr=False, compare=False)

    def noise(self, name: str, cells: float, shape: tuple[int, int] = (HIGH, WIDE)) -> Floats:
        """(66, 91) a smooth field of mean 0 and spread 1; features are about `cells` wide."""
        key = f"{name}/{cells}/{shape}"
        if key not in self.cache:
            draws = np.random.default_rng([self.seed, *name.encode()]).normal(size=shape)
            smooth = ndimage.gaussian_filter(draws, cells, mode="nearest")
            self.cache[key] = (smooth - smooth.mean()) / smooth.std()
        return self.cache[key]

    def at(self, name: str) -> Floats:
        """(66, 91) a field by name; the fields are the properties of this class."""
        if name not in self.cache:
            self.cache[name] = getattr(self, f"_{name}")()
        return self.cache[name]

    def _real(self, name: str) -> Floats:
        all_, low = shipped()[name], int(self.step)
        share = self.step - low
        return (1 - share) * all_[low] + share * all_[min(low + 1, STEPS - 1)]

    @cached_property
    def _drift(self) -> tuple[float, float]:
        """Cells by which what moves with the air lies elsewhere than it did."""
        north, east = np.random.default_rng([self.seed, 1]).uniform(-3, 3, 2).tolist()
        return north, east

    def _moved(self, values: Floats) -> Floats:
        return ndimage.shift(values, self._drift, order=1, mode="nearest")

    def _msl(self) -> Floats:
        return self._moved(self._real("msl")) + 2.5 * self.noise("msl", 6)

    def _u10(self) -> Floats:
        return self._moved(self._real("u10")) + 1.5 * self.noise("u10", 4)

    def _v10(self) -> Floats:
        return self._moved(self._real("v10")) + 1.5 * self.noise("v10", 4)

    def _speed10(self) -> Floats:
        return np.hypot(self.at("u10"), self.at("v10"))

    def _gust(self) -> Floats:
        return 1.4 * self.at("speed10") + 1.5 + 1.2 * np.abs(self.noise("gust", 1.5))

    def _t2m(self) -> Floats:
        return self._real("t2m") + 2.5 * self.noise("t2m", 8)

    def _tmax(self) -> Floats:
        return self.at("t2m") + 4 + 1.5 * self.noise("tmax", 3)

    def _tmin(self) -> Floats:
        return self.at("t2m") - 6 + 1.5 * self.noise("tmin", 3)

    def _warm(self) -> Floats:
        """Mean temperature of the air below 850 hPa, in K."""
        return ndimage.gaussian_filter(self.at("t2m"), 4, mode="nearest") + 273.15 - 4

    def _p1500(self) -> Floats:
        """Pressure 1500 m above the sea, where it is about 850 hPa."""
        return self.at("msl") * np.exp(-1500 / (29.27 * self.at("warm")))

    def _z850(self) -> Floats:
        return ndimage.gaussian_filter(29.27 * self.at("warm") * np.log(self.at("msl") / 850), 1.2)

    def _z500(self) -> Floats:
        waves = 45 * self.noise("z500", 7) + 0.5 * (self.at("z850") - 1480)
        return shipped()["z500"][self.month] + ndimage.gaussian_filter(waves, 2)

    def _z200(self) -> Floats:
        return 12_000 + 1.9 * (self.at("z500") - 5700) + 40 * self.noise("z200", 9)

    def _t850(self) -> Floats:
        return ndimage.gaussian_filter(self.at("t2m"), 3) - 8 + 2.5 * self.noise("t850", 5)

    def _t500(self) -> Floats:
        return (self.at("z500") - 5700) / 22 - 12 + 2 * self.noise("t500", 5)

    def _geostrophic(self, level: str) -> tuple[Floats, Floats]:
        north = np.arange(HIGH) + SOUTH
        coriolis = 2 * 7.292e-5 * np.sin(np.radians(np.maximum(north, 18)))[:, None]
        dy, dx = np.gradient(self.at(level), 111_200.0)
        u, v = -9.81 / coriolis * dy, 9.81 / coriolis * dx / np.cos(np.radians(np.minimum(north, 60)))[:, None]
        calm = 70 / np.maximum(70, np.hypot(u, v))
        return u * calm, v * calm

    def _u850(self) -> Floats:
        return 0.8 * self._geostrophic("z850")[0] + 1.5 * self.noise("u850", 3)

    def _v850(self) -> Floats:
        return 0.8 * self._geostrophic("z850")[1] + 1.5 * self.noise("v850", 3)

    def _u500(self) -> Floats:
        return self._geostrophic("z500")[0]

    def _v500(self) -> Floats:
        return self._geostrophic("z500")[1]

    def _u200(self) -> Floats:
        return self._geostrophic("z200")[0]

    def _v200(self) -> Floats:
        return self._geostrophic("z200")[1]

    def _speed850(self) -> Floats:
        return np.hypot(self.at("u850"), self.at("v850"))

    def _speed200(self) -> Floats:
        return np.hypot(self.at("u200"), self.at("v200"))

    def _wet(self) -> Floats:
        """Where it rains, between 0 and about 1."""
        low = int(self.step)
        hours = shipped()["tp"][max(0, low - 2) : low + 2].mean(axis=0)
        return np.clip(self._moved(ndimage.gaussian_filter(hours, 0.7)) / 0.6, 0, None) ** 0.7

    def _rain6(self) -> Floats:
        bursts = np.exp(0.9 * self.noise("rain6", 1.0))
        return 9 * np.clip(self.at("wet") - 0.05, 0, None) * bursts

    def _rain24(self) -> Floats:
        return (
            20
            * np.clip(ndimage.gaussian_filter(self.at("wet"), 1) - 0.04, 0, None)
            * np.exp(0.7 * self.noise("rain", 1.3))
        )

    def _rh700(self) -> Floats:
        return np.clip(45 + 45 * ndimage.gaussian_filter(self.at("wet"), 2) + 20 * self.noise("rh700", 3), 4, 100)

    def _rh850(self) -> Floats:
        return np.clip(55 + 40 * ndimage.gaussian_filter(self.at("wet"), 2) + 18 * self.noise("rh850", 3), 6, 100)

    def _rh2m(self) -> Floats:
        return np.clip(62 + 30 * ndimage.gaussian_filter(self.at("wet"), 1.5) + 16 * self.noise("rh2m", 2), 8, 100)

    def _visible_km(self) -> Floats:
        return 25 * np.exp(-np.clip(1.3 * self.noise("fog", 2) - 0.3 + 0.012 * (self.at("rh2m") - 60), 0, None) * 1.6)

    def _cloudy(self) -> Floats:
        """How much cloud, about 0 to 1.5."""
        return (
            0.75 * ndimage.gaussian_filter(self.at("wet"), 1.2)
            + 0.009 * (self.at("rh700") - 45)
            + 0.18 * self.noise("cloud", 2.5)
        )
