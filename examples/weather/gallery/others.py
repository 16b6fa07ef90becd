"""Pictures that are no weather charts: photographs, plots of other things, maps without weather, pages of text."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from gallery import layers
from gallery.agencies import agency
from gallery.canvas import Canvas
from gallery.layers import Map
from gallery.places import View
from gallery.weather import Weather

KINDS = ("photograph", "photograph", "plot", "plot", "map", "page")
SUBJECTS = {
    "zh": (
        "季度销售额",
        "用户增长情况",
        "人口密度",
        "考试成绩分布",
        "网站访问量",
        "铁路客运量",
        "会议日程",
        "各省图书馆数量",
    ),
    "en": (
        "Quarterly revenue",
        "Active users",
        "Population density",
        "Exam results",
        "Page views",
        "Rail passengers",
        "Agenda",
        "Libraries by region",
    ),
}


def other(kind: str, rng: np.random.Generator, canvas: Canvas, photographs: Sequence[Path]) -> Image.Image:
    """A picture of one of KINDS, a function of the generator."""
    if kind == "photograph":
        return _found(photographs, rng) if photographs and rng.random() < 0.7 else _scene(rng)
    wide, high = int(rng.integers(320, 430)), int(rng.integers(260, 340))
    canvas.begin(wide, high, str(rng.choice(["#ffffff", "#fafafa", "#f4f1ea", "#20242c"], p=[0.5, 0.2, 0.2, 0.1])))
    canvas.ink = "#e8e8e8" if canvas.figure.get_facecolor()[0] < 0.5 else "#222222"
    {"plot": _plot, "map": _map, "page": _page}[kind](rng, canvas, wide, high)
    return canvas.pixels()


def _found(photographs: Sequence[Path], rng: np.random.Generator) -> Image.Image:
    """A picture that was given, on white where it has holes."""
    path = photographs[int(rng.integers(len(photographs)))]
    with Image.open(path) as opened:
        image = opened.convert("RGBA")
    image.thumbnail((420, 420))
    sheet = Image.new("RGBA", image.size, tuple(int(one) for one in rng.integers(120, 256, 3)))
    return Image.alpha_composite(sheet, image).convert("RGB")


def _scene(rng: np.random.Generator) -> Image.Image:
    """Something like a photograph: sky over hills, or a surface under a lamp."""
    wide, high = int(rng.integers(300, 420)), int(rng.integers(220, 340))
    y, x = np.mgrid[0 : 1 : high * 1j, 0 : 1 : wide * 1j]
    rough = np.sum([_grown(rng, high, wide, cells) * cells**0.8 for cells in (3, 9, 27)], axis=0)
    rough = (rough - rough.mean()) / rough.std()
    if rng.random() < 0.5:
        colour = rng.uniform(40, 220, 3)
        light = 1 - 0.9 * np.hypot(x - rng.uniform(), y - rng.uniform())
        pixels = colour * (light + 0.12 * rough)[:, :, None]
    else:
        pixels = np.stack([110 + 90 * y, 150 + 70 * y, 225 - 10 * y], axis=2) + 12 * rough[:, :, None]
        for layer in range(int(rng.integers(2, 5))):
            ridge = 0.35 + 0.17 * layer + 0.07 * np.cumsum(rng.normal(size=wide)) / np.sqrt(wide)
            ground = (y > ridge[None, :])[:, :, None]
            pixels = np.where(ground, rng.uniform(20, 130, 3) + 14 * rough[:, :, None], pixels)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _grown(rng: np.random.Generator, high: int, wide: int, cells: int) -> np.ndarray:
    draws = rng.normal(size=(high // cells + 2, wide // cells + 2))
    return ndimage.zoom(draws, cells, order=1, mode="nearest")[:high, :wide]


def _heading(rng: np.random.Generator, canvas: Canvas, wide: int, high: int) -> str:
    language = "zh" if rng.random() < 0.5 else "en"
    words = str(rng.choice(SUBJECTS[language]))
    if rng.random() < 0.7:
        canvas.text(wide / 2, high - 16, words, 14, ha="center")
    return language


def _plot(rng: np.random.Generator, canvas: Canvas, wide: int, high: int) -> None:
    _heading(rng, canvas, wide, high)
    axes = canvas.figure.add_axes((0.12, 0.12, 0.82, 0.74))
    axes.tick_params(labelsize=6, colors=canvas.ink)
    axes.set_facecolor("none")
    count, kind = int(rng.integers(5, 14)), int(rng.integers(5))
    colour = [tuple(rng.uniform(0.1, 0.85, 3)) for _ in range(3)]
    if kind == 0:
        axes.bar(range(count), rng.uniform(1, 10, count), color=colour[0])
    elif kind == 1:
        for one in colour[: int(rng.integers(1, 4))]:
            axes.plot(np.cumsum(rng.normal(size=40)), color=one)
        axes.grid(alpha=0.4)
    elif kind == 2:
        axes.scatter(*rng.normal(size=(2, 80)), s=9, color=colour[0])
    elif kind == 3:
        axes.pie(rng.uniform(1, 5, count // 2 + 2))
    else:
        axes.imshow(rng.uniform(size=(count, count)), cmap=str(rng.choice(["viridis", "Blues", "magma"])))


def _map(rng: np.random.Generator, canvas: Canvas, wide: int, high: int) -> None:
    """Land, coast and towns; districts by colour at times."""
    style = agency(int(rng.integers(30)), int(rng.integers(1000)))
    view = View(style.regions[0], style.kinds[0], wide - 12, high - 38)
    drawn = Map(canvas, canvas.axes((6, 6, wide - 12, high - 38)), view, Weather(0, 0), style, rng)
    x, y, _, _ = view.grid(2)
    drawn.axes.contourf(x, y, view.land, levels=[-1, 0.5, 2], colors=["#cfe3f2", "#efe6cf"])
    if rng.random() < 0.5:
        seeds = rng.uniform(size=(int(rng.integers(10, 40)), 2))
        across, up = np.meshgrid(np.linspace(0, 1, len(x)), np.linspace(0, 1, len(y)))
        nearest = np.argmin([np.hypot(across - a, up - b) for a, b in seeds.tolist()], axis=0)
        shades = np.ma.masked_where(view.land < 0.5, rng.uniform(size=len(seeds))[nearest])
        drawn.axes.imshow(
            shades,
            extent=view.box,
            origin="lower",
            aspect="auto",
            cmap=str(rng.choice(["Blues", "Oranges", "Pastel1", "Set3"])),
        )
    layers.coast(drawn)
    drawn.axes.set_xlim(view.box[:2])
    drawn.axes.set_ylim(view.box[2:])
    for _ in range(int(rng.integers(4, 16))):
        place = rng.uniform((view.box[0], view.box[2]), (view.box[1], view.box[3]))
        drawn.axes.plot(*place, "o", color="#b02020", markersize=2.5)
        drawn.text(*place, str(rng.choice(["A市", "B港", "Port", "Town", "新城", "Hill"])), 8)
    _heading(rng, canvas, wide, high)


def _page(rng: np.random.Generator, canvas: Canvas, wide: int, high: int) -> None:
    """Lines of text, a box and a table."""
    language = _heading(rng, canvas, wide, high)
    letters = "的一是在不了有和人这中大为上个国我以要他时来用们" if language == "zh" else "etaoin shrdlu cmfwyp "
    for row in range(int(high / 17) - 3):
        if rng.random() < 0.85:
            count = int(rng.integers(8, (wide - 40) // 11 if language == "zh" else (wide - 40) // 7))
            canvas.text(16, high - 42 - 16 * row, "".join(rng.choice(list(letters), count)), 9.5)
    if rng.random() < 0.5:
        canvas.box(
            wide * 0.55, 20, wide * 0.4, 60, str(rng.choice(["#dde6f0", "#f3dcdc", "#dff0dd"])), edgecolor="#666666"
        )
