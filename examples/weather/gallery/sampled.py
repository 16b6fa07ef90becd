"""Fields of the globe on a map: smooth for lines and colours, with fine structure for images."""

import numpy as np
from scipy import ndimage

from gallery.places import View
from gallery.projections import Floats
from gallery.weather import SOUTH, WEST, Weather


def sampled(weather: Weather, name: str, view: View, step: int = 4) -> Floats:
    """(H, W) a field of `Weather` every `step` pixels, the first row at the bottom."""
    _, _, lon, lat = view.grid(step)
    return ndimage.map_coordinates(weather.at(name), [lat - SOUTH, lon - WEST], order=3, mode="nearest")


def wind(weather: Weather, level: str, view: View, step: int) -> tuple[Floats, Floats]:
    """Components u and v (H, W) along the map's own axes."""
    u, v = sampled(weather, f"u{level}", view, step), sampled(weather, f"v{level}", view, step)
    turned = view.projection.turn(view.grid(step)[2])
    return u * np.cos(turned) - v * np.sin(turned), u * np.sin(turned) + v * np.cos(turned)


def texture(weather: Weather, name: str, view: View, stretch: float = 1.0) -> Floats:
    """(H, W) every 2 pixels: streaks and cells of all sizes, of mean 0 and spread 1, carried along by the wind."""
    _, _, lon, lat = view.grid(2)
    base = sum(weather.noise(f"{name}{size}", size, (264, 364)) * size**0.7 for size in (1, 2.5, 6))
    bend = 4 * stretch
    north = (lat - SOUTH) * 4 + bend * ndimage.map_coordinates(
        weather.noise(name, 3), [lat - SOUTH, lon - WEST], order=1
    )
    east = (lon - WEST) * 4 + bend * ndimage.map_coordinates(weather.noise(name, 4), [lat - SOUTH, lon - WEST], order=1)
    found = ndimage.map_coordinates(base, [north, east], order=1, mode="reflect")
    return (found - found.mean()) / found.std()
