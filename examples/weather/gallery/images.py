"""What looks down from above or around from below: satellites and radars."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Circle
from scipy import ndimage

from gallery.layers import ECHO, Map, Scale
from gallery.projections import Floats
from gallery.sampled import sampled, texture


def _halved(drawn: Map, name: str) -> Floats:
    """(H, W) a field every 2 pixels."""
    return sampled(drawn.weather, name, drawn.view, 2)


def satellite(drawn: Map, channel: str) -> None:
    """`infrared`, `visible` or `water_vapour`: bright where clouds are high, thick, or the air is moist."""
    amount, streaks = _halved(drawn, "cloudy"), texture(drawn.weather, "cloud", drawn.view)
    thick = np.clip(amount * 0.8 + 0.28 * streaks, 0, 1.3)
    if channel == "infrared":
        warm = np.clip((_halved(drawn, "t2m") + 25) / 70, 0, 1)
        seen = np.clip(0.95 * thick + 0.32 * (1 - warm), 0, 1)
    elif channel == "visible":
        fine = texture(drawn.weather, "fine", drawn.view, 0.5)
        seen = (
            np.clip(1.05 * thick + 0.10 * fine * (thick > 0.3) + 0.16 + 0.12 * drawn.view.land[: len(thick)], 0, 1)
            ** 0.8
        )
    else:
        moist = ndimage.gaussian_filter(_halved(drawn, "rh700"), 5) / 100
        seen = np.clip(ndimage.gaussian_filter(0.45 * thick + 0.75 * moist + 0.07 * streaks, 2.5), 0, 1)
    names = {"infrared": ("gray", "gray", "Greys_r"), "visible": ("gray",), "water_vapour": ("gray", "bone", "PuBu_r")}
    some = names[channel]
    colours = some[drawn.agency.seed % len(some)]
    drawn.axes.imshow(
        seen, cmap=colours, vmin=0, vmax=1, extent=drawn.view.box, origin="lower", aspect="auto", zorder=1
    )
    if channel == "infrared" and drawn.agency.seed % 3 == 0:  # coldest tops in colours
        cold = np.ma.masked_less(seen, 0.8)
        drawn.axes.imshow(
            cold, cmap="jet", vmin=0.8, vmax=1.05, extent=drawn.view.box, origin="lower", aspect="auto", zorder=2
        )


def _echoes(wet: Floats, streaks: Floats) -> Floats:
    """dBZ, masked below 10."""
    return np.ma.masked_less(np.clip(62 * np.clip(wet, 0, 1) ** 0.5 + 13 * streaks - 14, 0, 72), 10)


def radar_mosaic(drawn: Map) -> Scale:
    """Echoes of many radars."""
    seen = _echoes(_halved(drawn, "wet"), texture(drawn.weather, "echo", drawn.view, 1.5))
    _show(drawn, seen, ECHO, 10, 70, drawn.view.box)
    return Scale(ECHO, tuple(range(10, 71, 5)))


def radar_station(drawn: Map, *, velocity: bool) -> Scale:
    """What one radar sees around it: echoes, or their motion towards it and away."""
    side = 150
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j] * 1.1
    reach = np.hypot(x, y)
    fine = [drawn.weather.noise(f"ppi{int(drawn.rng.integers(6))}", cells, (side, side)) for cells in (1, 3, 9)]
    cells = 0.5 * fine[0] + 0.8 * fine[1] + fine[2]
    echo = np.ma.masked_where(reach > 1, _echoes(0.32 + 0.22 * fine[2], cells))
    wide, high = drawn.view.width, drawn.view.height
    box = (-1.1 * max(1, wide / high), 1.1 * max(1, wide / high), -1.1 * max(1, high / wide), 1.1 * max(1, high / wide))
    drawn.axes.set_xlim(box[:2])
    drawn.axes.set_ylim(box[2:])
    place = (-1.1, 1.1, -1.1, 1.1)
    if velocity:
        heading, strength = drawn.rng.uniform(0, 2 * np.pi), drawn.rng.uniform(12, 26)
        along = strength * np.cos(np.arctan2(y, x) - heading - 0.9 * reach) * np.clip(reach * 1.6, 0.2, 1) + 2 * fine[1]
        colours = (
            "#00e0ff",
            "#00b4d0",
            "#00ff00",
            "#00b000",
            "#006000",
            "#7a7a7a",
            "#600000",
            "#a80000",
            "#ff0000",
            "#ff8c00",
            "#ffd000",
        )
        _show(drawn, np.ma.masked_array(along, mask=np.ma.getmaskarray(echo)), colours, -27, 27, place)
        scale = Scale(colours, tuple(np.linspace(-27, 27, len(colours) + 1).round().tolist()))
    else:
        _show(drawn, echo, ECHO, 10, 70, place)
        scale = Scale(ECHO, tuple(range(10, 71, 5)))
    _rings(drawn)
    return scale


def _show(drawn: Map, seen: Floats, colours: tuple[str, ...], low: float, high: float, box: tuple[float, ...]) -> None:
    style = {"cmap": ListedColormap(list(colours)), "vmin": low, "vmax": high, "zorder": 2, "interpolation": "nearest"}
    drawn.axes.imshow(seen, extent=box, origin="lower", aspect="auto", **style)


def _rings(drawn: Map) -> None:
    for ring in range(1, 5):
        drawn.axes.add_patch(Circle((0, 0), ring / 4, fill=False, edgecolor="#c8c8c8", linewidth=0.5, zorder=4))
        drawn.text(0, ring / 4, f"{ring * 50 if drawn.agency.seed % 2 else ring * 60}", 7, color="#dddddd", zorder=5)
    for angle in np.arange(0, np.pi, np.pi / 6):
        reach = np.array([-1, 1])
        drawn.axes.plot(reach * np.cos(angle), reach * np.sin(angle), color="#9a9a9a", linewidth=0.4, zorder=4)
