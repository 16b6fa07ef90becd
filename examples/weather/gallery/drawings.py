"""How each product is drawn: what lies on the map, from the ground up, and the scale of its colours, if it has one."""

from collections.abc import Callable
from functools import partial

from gallery import images, layers
from gallery.layers import Map, Scale

Drawing = Callable[[Map], Scale | None]
SPEED = (4, 6, 8, 10.8, 13.9, 17.2, 20.8, 24.5)
HUMID = (20, 30, 40, 50, 60, 70, 80, 90)


def _colours(drawn: Map, element: str) -> str:
    return drawn.agency.palettes[element]


def _wind(drawn: Map, field: str, level: str, bounds: tuple[float, ...]) -> Scale:
    scale = layers.filled(drawn, field, bounds, _colours(drawn, "wind"), least=True)
    layers.winds(drawn, level)
    return scale


def _max_wind(drawn: Map) -> Scale:
    return layers.filled(drawn, "gust", SPEED, _colours(drawn, "wind"), least=True)


def _barbs(drawn: Map, level: str) -> None:
    layers.ground(drawn)
    if level == "850":
        layers.plateau(drawn)
    layers.winds(drawn, level, drawn.agency.lines)


def _pressure(drawn: Map) -> Scale | None:
    layers.ground(drawn)
    bounds = tuple(range(985, 1041, 5))
    scale = layers.filled(drawn, "msl", bounds, _colours(drawn, "pressure")) if drawn.agency.filled else None
    layers.isolines(drawn, "msl", 2.5 if drawn.view.region not in {"asia", "pacific"} else 4, drawn.agency.lines)
    layers.centres(drawn, "msl")
    return scale


def _pressure_aloft(drawn: Map) -> Scale:
    scale = layers.filled(drawn, "p1500", tuple(range(822, 865, 4)), _colours(drawn, "pressure"))
    layers.isolines(drawn, "p1500", 4, drawn.agency.ink)
    layers.plateau(drawn)
    return scale


def _rain(drawn: Map, field: str, bounds: tuple[float, ...], *, pressure: bool = False) -> Scale:
    layers.ground(drawn)
    scale = layers.filled(drawn, field, bounds, _colours(drawn, "precipitation"), least=True)
    if pressure:
        layers.isolines(drawn, "msl", 4, drawn.agency.lines)
        layers.centres(drawn, "msl")
    return scale


def _temperature(drawn: Map, field: str, bounds: tuple[float, ...]) -> Scale:
    scale = layers.filled(drawn, field, bounds, _colours(drawn, "temperature"))
    if drawn.agency.filled:
        layers.isolines(drawn, field, 8, drawn.agency.ink, bold=0.5)
    return scale


def _temperature_wind(drawn: Map) -> Scale:
    scale = layers.filled(drawn, "t850", tuple(range(-24, 29, 4)), _colours(drawn, "temperature"))
    layers.winds(drawn, "850")
    layers.plateau(drawn)
    return scale


def _height(drawn: Map, level: str) -> Scale | None:
    layers.ground(drawn)
    low, high, step = {"850": (132, 160, 3), "500": (500, 592, 8)}[level]
    bounds = tuple(float(one) for one in range(low, high, step))
    scale = None
    if drawn.agency.filled:
        scale = _scaled(drawn, level, bounds)
    layers.isolines(drawn, f"z{level}", {"850": 2, "500": 4}[level], drawn.agency.lines, factor=0.1, bold=1.1)
    return scale


def _scaled(drawn: Map, level: str, bounds: tuple[float, ...]) -> Scale:
    """Heights in tens of metres, in colours."""
    metres = tuple(10 * one for one in bounds)
    scale = layers.filled(drawn, f"z{level}", metres, _colours(drawn, "geopotential_height"))
    return Scale(scale.colours, bounds)


def _height_wind(drawn: Map) -> Scale | None:
    scale = _height(drawn, "850")
    layers.winds(drawn, "850")
    layers.plateau(drawn)
    return scale


def _height_temperature(drawn: Map) -> Scale | None:
    scale = _height(drawn, "500")
    layers.isolines(drawn, "t500", 4, "#d01818", dashed=True, bold=0.8)
    return scale


def _humidity(drawn: Map, field: str, *, wind: bool = False) -> Scale:
    scale = layers.filled(drawn, field, HUMID, _colours(drawn, "humidity"))
    if wind:
        layers.winds(drawn, "850")
    return scale


def _satellite(drawn: Map, channel: str, *, pressure: bool = False) -> None:
    images.satellite(drawn, channel)
    if pressure:
        layers.isolines(drawn, "msl", 4, "#ffe14d")
        layers.centres(drawn, "msl")


def _mosaic(drawn: Map) -> Scale:
    layers.ground(drawn)
    return images.radar_mosaic(drawn)


def _stations(drawn: Map) -> None:
    layers.ground(drawn)
    layers.stations(drawn)


def _visibility(drawn: Map) -> Scale:
    layers.ground(drawn)
    return layers.filled(drawn, "visible_km", (0.2, 0.5, 1, 2, 5, 10, 15), _colours(drawn, "visibility"))


RAIN_DAY, RAIN_6H = (0.1, 10, 25, 50, 100, 250), (0.1, 4, 13, 25, 60, 120)
AIR = tuple(float(one) for one in range(-20, 41, 4))
DRAWINGS: dict[str, Drawing] = {
    "24h_cn_2m_max_wind": _max_wind,
    "48h_cn_2m_max_wind": _max_wind,
    "10m_wind": partial(_barbs, level="10"),
    "850hpa_wind": partial(_barbs, level="850"),
    "200hpa_jet": partial(_wind, field="speed200", level="200", bounds=(20, 30, 40, 50, 60, 70)),
    "mslp": _pressure,
    "24h_mslp": _pressure,
    "48h_mslp": _pressure,
    "850hpa_pressure": _pressure_aloft,
    "6h_precipitation": partial(_rain, field="rain6", bounds=RAIN_6H),
    "24h_precipitation": partial(_rain, field="rain24", bounds=RAIN_DAY),
    "48h_precipitation": partial(_rain, field="rain24", bounds=RAIN_DAY),
    "24h_precipitation_mslp": partial(_rain, field="rain24", bounds=RAIN_DAY, pressure=True),
    "2m_temperature": partial(_temperature, field="t2m", bounds=AIR),
    "24h_2m_max_temperature": partial(_temperature, field="tmax", bounds=AIR),
    "24h_2m_min_temperature": partial(_temperature, field="tmin", bounds=AIR),
    "850hpa_temperature_wind": _temperature_wind,
    "850hpa_height_wind": _height_wind,
    "500hpa_height": partial(_height, level="500"),
    "24h_500hpa_height": partial(_height, level="500"),
    "500hpa_height_temperature": _height_temperature,
    "700hpa_humidity": partial(_humidity, field="rh700"),
    "850hpa_humidity_wind": partial(_humidity, field="rh850", wind=True),
    "2m_humidity": partial(_humidity, field="rh2m"),
    "infrared": partial(_satellite, channel="infrared"),
    "visible": partial(_satellite, channel="visible"),
    "water_vapour": partial(_satellite, channel="water_vapour"),
    "infrared_mslp": partial(_satellite, channel="infrared", pressure=True),
    "radar_mosaic": _mosaic,
    "radar_ppi": partial(images.radar_station, velocity=False),
    "radar_velocity": partial(images.radar_station, velocity=True),
    "surface_stations": _stations,
    "24h_visibility": _visibility,
}
"""Product of `labels.yaml` -> how it is drawn."""

DARK = frozenset({"infrared", "visible", "water_vapour", "infrared_mslp", "radar_ppi", "radar_velocity"})
WITHOUT_MAP = frozenset({"radar_ppi", "radar_velocity"})
CHANNELS = {
    "infrared": "IR1 10.8μm",
    "visible": "VIS 0.65μm",
    "water_vapour": "WV 6.7μm",
    "infrared_mslp": "IR1 10.8μm",
}
"""What stands on images in place of a level."""
OVERLAYS: dict[str, Callable[[Map], None]] = {
    "wind": partial(layers.winds, level="10"),
    "pressure": partial(layers.isolines, name="msl", step=5, colour="#3a3a3a", dashed=True),
}
"""Element -> how it is laid over a chart of something else."""
MAY_CARRY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("mslp", "24h_mslp", "48h_mslp", "6h_precipitation", "24h_precipitation", "2m_temperature"), ("wind",)
    ),
    **dict.fromkeys(("radar_mosaic", "2m_humidity", "10m_wind", "24h_visibility"), ("pressure",)),
}
"""Product -> elements that some of its charts show besides its own."""
