"""One chart: map, title, scale of colours, marks of level and lead time, logo and date, in the agency's style."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from PIL import Image

from gallery import layers
from gallery.agencies import Agency
from gallery.canvas import Canvas
from gallery.drawings import CHANNELS, DARK, DRAWINGS, MAY_CARRY, OVERLAYS, WITHOUT_MAP
from gallery.layers import Map, Scale
from gallery.places import View
from gallery.weather import Weather
from sfumato.labels import Label

CARRIED = 0.25
"""Share of charts that show another element besides, where their product may."""


@dataclass(frozen=True)
class Drawn:
    """A picture, and what is on it."""

    picture: Image.Image
    elements: tuple[str, ...]
    titled: bool
    language: str
    signed: bool


def draw(
    product: Label, agency: Agency, weather: Weather, when: datetime, rng: np.random.Generator, canvas: Canvas
) -> Drawn:
    """A chart of a product, a function of all that is given."""
    wide, high = agency.size
    language = agency.language if agency.language != "both" else ("zh", "en")[int(rng.integers(2))]
    titled, signed = bool(rng.random() < agency.titled), bool(rng.random() < agency.signed)
    dark = product.id in DARK
    canvas.begin(wide, high, "#101010" if dark and agency.seed % 2 else agency.paper)
    canvas.families[0] = agency.latin
    canvas.ink = "#f0f0f0" if dark and agency.seed % 2 else agency.ink
    room = titled or bool(rng.random() < 0.5)  # an empty band says nothing of the product
    place = _place(agency, room, wide, high)
    region = agency.regions[int(rng.integers(len(agency.regions)))]
    kind = agency.kinds[int(rng.integers(len(agency.kinds)))]
    view = View(region, kind, int(place[2]), int(place[3]))
    scale, extra = _map(canvas, view, product, weather, agency, rng, place)
    if scale is not None:
        _scale(canvas, scale, product.unit or "", agency, place)
    if room:
        _title(canvas, product, agency, language if titled else None, wide, high)
    _marks(canvas, product, agency, language, place, when)
    canvas.box(place[0], place[1], place[2], place[3], "none", edgecolor=canvas.ink, linewidth=0.8, zorder=20)
    picture = canvas.pixels()
    if signed:
        _sign(picture, agency, place)
    return Drawn(picture, (*product.elements, *extra), titled, language, signed)


def _place(agency: Agency, room: bool, wide: int, high: int) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of the map."""
    left, bottom, right, top = 6, 6, wide - 6, high - 6
    if room and agency.title == "bottom":
        bottom += 24
    elif room:
        top -= 24
    if agency.bar == "right":
        right -= 42
    elif agency.bar == "bottom":
        bottom += 26
    return left, bottom, right - left, top - bottom


def _map(
    canvas: Canvas,
    view: View,
    product: Label,
    weather: Weather,
    agency: Agency,
    rng: np.random.Generator,
    place: tuple[float, ...],
) -> tuple[Scale | None, tuple[str, ...]]:
    dark = product.id in DARK
    drawn = Map(canvas, canvas.axes(place), view, weather, agency, rng, dark)
    drawn.axes.set_xlim(view.box[:2])
    drawn.axes.set_ylim(view.box[2:])
    if dark:
        canvas.box(*place, "#000000", zorder=-1)
    scale = DRAWINGS[product.id](drawn)
    more = [one for one in MAY_CARRY.get(product.id, ()) if rng.random() < CARRIED]
    for element in more:
        OVERLAYS[element](drawn)
    if product.id not in WITHOUT_MAP:
        layers.coast(drawn)
        drawn.axes.set_xlim(view.box[:2])
        drawn.axes.set_ylim(view.box[2:])
    return scale, tuple(more)


def _scale(canvas: Canvas, scale: Scale, unit: str, agency: Agency, place: tuple[float, ...]) -> None:
    left, bottom, wide, high = place
    count = len(scale.colours)
    every = max(1, len(scale.bounds) // 6)
    open_ = len(scale.bounds) < count + 1
    first = 1 if open_ and len(scale.bounds) < count else 0  # where the first value stands, in colours
    if agency.bar == "right":
        step = 0.86 * high / count
        for i, colour in enumerate(scale.colours):
            canvas.box(left + wide + 7, bottom + i * step, 10, step, colour, edgecolor=canvas.ink, linewidth=0.3)
        for i, value in list(enumerate(scale.bounds))[::every]:
            canvas.text(left + wide + 19, bottom + (i + first) * step, _short(value), 8.5)
        canvas.text(left + wide + 7, bottom + 0.93 * high, unit, 10)
    elif agency.bar == "bottom":
        step = 0.84 * wide / count
        for i, colour in enumerate(scale.colours):
            canvas.box(left + i * step, bottom - 13, step, 8, colour, edgecolor=canvas.ink, linewidth=0.3)
        for i, value in list(enumerate(scale.bounds))[::every]:
            canvas.text(left + (i + first) * step, bottom - 19, _short(value), 8.5, ha="center")
        canvas.text(left + 0.87 * wide, bottom - 10, unit, 10)
    else:
        _blocks(canvas, scale, unit, agency, place, first)


def _blocks(canvas: Canvas, scale: Scale, unit: str, agency: Agency, place: tuple[float, ...], first: int) -> None:
    """A legend in the map, in the corner below the marks or above them."""
    left, bottom, wide, _ = place
    shown = list(range(0, len(scale.colours), max(1, len(scale.colours) // 7)))
    tall = 10 * len(shown) + 15
    x = left + 4 if "right" in agency.marks else left + wide - 52
    canvas.box(x - 2, bottom + 3, 50, tall, "white", edgecolor="#555555", linewidth=0.5, zorder=21)
    for row, i in enumerate(shown):
        canvas.box(x + 1, bottom + 6 + 10 * row, 14, 8, scale.colours[i], edgecolor="#333333", linewidth=0.3, zorder=22)
        value = scale.bounds[min(max(i - first, 0), len(scale.bounds) - 1)]
        canvas.text(
            x + 18, bottom + 10 + 10 * row, ("<" if i < first else "") + _short(value), 8, color="#111111", zorder=23
        )
    canvas.text(x + 2, bottom + tall - 4, unit, 9, color="#111111", zorder=23)


def _short(value: float) -> str:
    return f"{value:g}"


def _title(canvas: Canvas, product: Label, agency: Agency, language: str | None, wide: int, high: int) -> None:
    """The title, or what stands in its place: the agency's name, or nothing."""
    middle = 15 if agency.title == "bottom" else high - 17
    colour = canvas.ink
    if agency.title == "band":
        canvas.box(0, high - 29, wide, 29, agency.band)
        colour = "#ffffff" if agency.band not in {"#e8edf3", "#f1e7cf"} else "#222222"
    words = agency.name("en" if agency.language == "en" else "zh") if agency.seed % 2 else ""
    if language is not None:
        words = (product.zh if language == "zh" else product.en) or product.id
        if agency.seed % 5 == 0:
            words = f"{agency.name(language)} {words}"
    pixels = min(15.0, (wide - 14) / max(1.0, sum(0.62 if ord(one) < 256 else 1.05 for one in words)))
    if agency.title in {"left", "bottom"}:
        canvas.text(8, middle, words, pixels, color=colour, weight="bold")
    else:
        canvas.text(wide / 2, middle, words, pixels, color=colour, weight="bold", ha="center")


LEADS = {"zh": ("时效{}小时", "{}小时", "未来{}小时"), "en": ("+{}h", "T+{} h", "{}-hr FCST")}
NOW = {"zh": ("实况", "分析"), "en": ("ANALYSIS", "OBS")}
LEVELS = {"MSL": ("海平面", "MSL"), "surface": ("地面", "SFC")}
DATES = ("%Y-%m-%d %H:%M", "%Y%m%d%H", "%d %b %Y %HZ", "%Y/%m/%d %H:00", "%m月%d日%H时")


def _marks(
    canvas: Canvas, product: Label, agency: Agency, language: str, place: tuple[float, ...], when: datetime
) -> None:
    """Level or channel, lead time and date in a corner: on every chart, titled or not."""
    chosen = agency.seed % 6
    level = product.level or CHANNELS.get(product.id, "")
    level = LEVELS.get(level, (level, level))[language == "en"]
    if agency.seed % 4 == 0:
        level = level.replace("hPa", " hPa").replace("2m", "2 m")
    hours = int((product.lead_time or "0h").removesuffix("h"))
    lead = LEADS[language][chosen % 3].format(hours) if hours else NOW[language][chosen % 2]
    form = DATES[chosen % 4 if language == "en" else chosen % 5]
    date = (when + timedelta(hours=hours)).strftime(form)
    lines = [(level, 15.0), (lead, 14.0), (date, 8.5)]
    lines = [(words, size) for words, size in lines if words]
    tall = sum(size + 3 for _, size in lines) + 2
    left, bottom, wide, high = place
    right = "right" in agency.marks
    top = bottom + high - 3 if "top" in agency.marks else bottom + tall + 3
    x = left + wide - 5 if right else left + 5
    if agency.boxed or product.id in DARK:
        width = max(size * sum(0.58 if ord(one) < 256 else 1 for one in words) for words, size in lines) + 6
        canvas.box(
            x - width + 3 if right else x - 3,
            top - tall,
            width,
            tall,
            "white",
            edgecolor="#555555",
            linewidth=0.5,
            zorder=24,
        )
    colour = "#111111" if agency.boxed or product.id in DARK else agency.ink
    for words, size in lines:
        top -= size / 2 + 1.5
        heavy = {"weight": "bold"} if size > 9 else {}
        canvas.text(x, top, words, size, color=colour, ha="right" if right else "left", zorder=25, **heavy)
        top -= size / 2 + 1.5


def _sign(picture: Image.Image, agency: Agency, place: tuple[float, ...]) -> None:
    """The logo in its corner of the map."""
    pixels = 26 + agency.seed % 10
    left, bottom, wide, high = (int(one) for one in place)
    x = left + wide - pixels - 4 if "right" in agency.logo_corner else left + 4
    y = picture.height - bottom - high + 4 if "top" in agency.logo_corner else picture.height - bottom - pixels - 4
    logo = agency.logo(pixels)
    picture.paste(logo, (x, y), logo)
