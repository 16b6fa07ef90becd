"""What may lie on a map: colours, lines, wind, centres, stations."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from scipy import ndimage

from gallery.agencies import Agency
from gallery.canvas import DPI, Canvas
from gallery.places import View
from gallery.projections import Floats
from gallery.sampled import sampled, wind
from gallery.weather import Weather

RAIN = ("#a6f28f", "#3dba3d", "#61b8ff", "#0000e1", "#fa00fa", "#800040")
"""Colours that rain often has in China, from 0.1 mm to more than 250."""
ECHO = (
    "#01a0f6",
    "#00ecec",
    "#00d800",
    "#019000",
    "#ffff00",
    "#e7c000",
    "#ff9000",
    "#ff0000",
    "#d60000",
    "#c00000",
    "#ff00f0",
    "#9600b4",
)
"""Colours of reflectivity, every 5 dBZ from 10."""


@dataclass
class Map:
    """A map that is being drawn."""

    canvas: Canvas
    axes: Axes
    view: View
    weather: Weather
    agency: Agency
    rng: np.random.Generator
    dark: bool = False

    @property
    def strong(self) -> str:
        """Colour that can be seen on what is below."""
        return "#f4f4f4" if self.dark else self.agency.ink

    def text(self, x: float, y: float, words: str, pixels: float, **style: object) -> None:
        """Words at a place of the map."""
        style = {"color": self.strong, "ha": "center", "va": "center", **style}
        self.axes.text(x, y, words, fontsize=pixels * 72 / DPI, family=self.canvas.families, clip_on=True, **style)


@dataclass(frozen=True)
class Scale:
    """Colours and the values between them, as a legend shows them."""

    colours: tuple[str, ...]
    bounds: tuple[float, ...]
    """One fewer than colours (both ends open), or one more."""


def colours_of(name: str, count: int) -> tuple[str, ...]:
    """`count` colours of a map of colours, from end to end."""
    if name == "bands":
        return RAIN[:count]
    return tuple(to_hex(mpl.colormaps[name](place)) for place in np.linspace(0.05, 0.95, count))


def ground(drawn: Map) -> None:
    """Land and sea."""
    agency = drawn.agency
    if agency.land is None or drawn.dark:
        return
    x, y, _, _ = drawn.view.grid(2)
    drawn.axes.contourf(x, y, drawn.view.land, levels=[-1, 0.5, 2], colors=[agency.sea, agency.land], zorder=0)


def coast(drawn: Map) -> None:
    """Coast lines and the net of degrees."""
    colour = "#e8d44d" if drawn.dark else drawn.agency.coast
    drawn.axes.add_collection(LineCollection(drawn.view.coast, colors=colour, linewidths=0.6, zorder=5), autolim=False)
    if drawn.agency.meridians is None:
        return
    north, east, forward = np.linspace(-10, 80, 60), np.linspace(40, 170, 60), drawn.view.projection.forward
    lines = [np.stack(forward(np.full(60, float(lon)), north), axis=1) for lon in range(50, 171, 10)]
    lines += [np.stack(forward(east, np.full(60, float(lat))), axis=1) for lat in range(0, 81, 10)]
    style = {"linestyles": drawn.agency.meridians, "linewidths": 0.4, "zorder": 4}
    drawn.axes.add_collection(LineCollection(lines, colors="#888888", **style), autolim=False)


def filled(drawn: Map, name: str, bounds: Sequence[float], palette: str, *, least: bool = False) -> Scale:
    """A field in colours; `least`: nothing below the first bound."""
    x, y, _, _ = drawn.view.grid(4)
    values = sampled(drawn.weather, name, drawn.view)
    colours = colours_of(palette, len(bounds) + (not least))
    colours = colours if len(colours) >= len(bounds) + (not least) else colours_of("turbo", len(bounds) + (not least))
    drawn.axes.contourf(
        x, y, values, levels=list(bounds), colors=list(colours), extend="max" if least else "both", zorder=1
    )
    return Scale(colours, tuple(bounds))


def isolines(
    drawn: Map, name: str, step: float, colour: str, *, factor: float = 1.0, dashed: bool = False, bold: float = 0.9
) -> None:
    """Lines of equal value every `step`, their values written in gaps."""
    x, y, _, _ = drawn.view.grid(4)
    values = sampled(drawn.weather, name, drawn.view) * factor
    low, high = np.floor(values.min() / step) * step, values.max()
    levels = np.arange(low, high + step, step)
    style = {"linewidths": bold, "linestyles": "--" if dashed else "-", "zorder": 6}
    found = drawn.axes.contour(x, y, values, levels=levels, colors=colour, **style)
    paper = {"facecolor": "none" if drawn.dark else drawn.agency.paper, "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
    for level, pieces in zip(found.levels, found.allsegs, strict=True):
        longest = max(pieces, key=len, default=None)
        if longest is not None and len(longest) > 12:
            place = longest[int(drawn.rng.uniform(0.2, 0.8) * len(longest))]
            drawn.text(*place, f"{level:.0f}", 8, color=colour, zorder=7, bbox=paper)


def centres(drawn: Map, name: str) -> None:
    """Highs and lows."""
    x, y, _, _ = drawn.view.grid(4)
    values = ndimage.gaussian_filter(sampled(drawn.weather, name, drawn.view), 2)
    chinese = drawn.agency.language != "en"
    for extreme, letter, colour in (
        (1, "高" if chinese else "H", "#1030c0"),
        (-1, "低" if chinese else "L", "#c01010"),
    ):
        peaks = ndimage.maximum_filter(extreme * values, 19) == extreme * values
        rows, columns = np.nonzero(peaks[4:-4, 4:-4])
        for row, column in list(zip(rows.tolist(), columns.tolist(), strict=True))[:4]:
            drawn.text(x[column + 4], y[row + 4], letter, 15, color=colour, weight="bold", zorder=8)


def winds(drawn: Map, level: str, colour: str | None = None) -> None:
    """Barbs (a full feather is 4 m/s) or arrows, as the agency has it."""
    step = 21 if drawn.agency.barbs else 17
    x, y, lon, lat = drawn.view.grid(step)
    u, v = wind(drawn.weather, level, drawn.view, step)
    there = (lat > 2) & (lat < 63) & (lon > 61) & (lon < 149)
    (px, py), colour = (one[there] for one in np.meshgrid(x, y)), colour or drawn.strong
    if drawn.agency.barbs:
        increments = {"half": 2, "full": 4, "flag": 20}
        drawn.axes.barbs(
            px, py, u[there], v[there], length=4.2, linewidth=0.5, color=colour, barb_increments=increments, zorder=6
        )
    else:
        usual = {"10": 12, "850": 18, "200": 50}.get(level, 25) * drawn.view.width / step / 1.6
        drawn.axes.quiver(px, py, u[there], v[there], color=colour, scale=usual, width=0.0035, headwidth=4, zorder=6)


def plateau(drawn: Map) -> None:
    """Where 850 hPa lies below the ground of the Tibetan plateau, nothing is known: grey."""
    x, y, lon, lat = drawn.view.grid(4)
    ground_ = ((lon - 90) / 13.5) ** 2 + ((lat - 33 - 0.1 * (90 - lon) * (lon < 85)) / 6.0) ** 2
    drawn.axes.contourf(x, y, ground_, levels=[-1, 1], colors=["#bdbdbd"], zorder=3)


def stations(drawn: Map) -> None:
    """Reports of stations: temperature, dew point, pressure and cloud cover around a ring with its barb."""
    count = 26
    west, east, south, north = drawn.view.box
    places = [((west + (east - west) * a), (south + (north - south) * b)) for a, b in _spread(drawn.rng, count)]
    x, y = (np.array(one) for one in zip(*places, strict=True))
    lon, lat = drawn.view.projection.inverse(x, y)

    def at(name: str) -> Floats:
        return ndimage.map_coordinates(drawn.weather.at(name), [lat, lon - 60], order=1, mode="nearest")

    t, msl, cover, wet = at("t2m"), at("msl"), at("cloudy"), at("rh2m")
    style = {"length": 5, "linewidth": 0.6, "barb_increments": {"half": 2, "full": 4, "flag": 20}, "zorder": 6}
    drawn.axes.barbs(x, y, at("u10"), at("v10"), color=drawn.strong, **style)
    drawn.axes.scatter(x, y, s=13, facecolors="white", edgecolors=drawn.strong, linewidths=0.7, zorder=7)
    full = cover > 0.6
    drawn.axes.scatter(x[full], y[full], s=13, color=drawn.strong, zorder=8)
    gap = 9 * (east - west) / drawn.view.width
    for i in range(count):
        drawn.text(x[i] - gap, y[i] + 0.7 * gap, f"{t[i]:.0f}", 7.5, color="#c01010", zorder=9)
        drawn.text(x[i] - gap, y[i] - 0.7 * gap, f"{t[i] - (100 - wet[i]) / 5:.0f}", 7.5, color="#0a7a2a", zorder=9)
        drawn.text(x[i] + 1.3 * gap, y[i] + 0.7 * gap, f"{round(msl[i] * 10) % 1000:03d}", 7.5, zorder=9)


def _spread(rng: np.random.Generator, count: int) -> list[tuple[float, float]]:
    """`count` places in the unit square, none too near another."""
    found: list[tuple[float, float]] = []
    while len(found) < count:
        tries = rng.uniform(0.05, 0.95, (12, 2))
        far = [min((np.hypot(*(one - other)) for other in found), default=1.0) for one in tries]
        found.append(tuple(tries[int(np.argmax(far))].tolist()))
    return found
