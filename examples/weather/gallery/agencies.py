"""Agencies that do not exist, each with a house style of its own: all charts of one look alike, and like no other's."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from gallery.places import REGIONS
from gallery.projections import KINDS
from sfumato.synthesis.drawn_logos import SHAPES, drawn_logo

PLACES = (
    *(("东澜", "Donglan"), ("北原", "Beiyuan"), ("南屿", "Nanyu"), ("西岭", "Xiling"), ("海岬", "Haijia")),
    *(("云川", "Yunchuan"), ("青汀", "Qingting"), ("长洲", "Changzhou"), ("龙泽", "Longze"), ("银湾", "Yinwan")),
    *(("雁丘", "Yanqiu"), ("星野", "Xingye"), ("晴川", "Qingchuan"), ("白鹭", "Bailu"), ("木兰", "Mulan")),
    *(("金帆", "Jinfan"), ("望海", "Wanghai"), ("天枢", "Tianshu"), ("苍梧", "Cangwu"), ("沧浪", "Canglang")),
    *(("鹿鸣", "Luming"), ("松雪", "Songxue"), ("玉泉", "Yuquan"), ("霁野", "Jiye"), ("兰渚", "Lanzhu")),
    *(("碧峰", "Bifeng"), ("潮音", "Chaoyin"), ("琼崖", "Qiongya"), ("朔方", "Shuofang"), ("清源", "Qingyuan")),
)
OFFICES = (
    ("气象台", "Met Office"),
    ("气象中心", "Weather Centre"),
    ("海洋预报台", "Marine Forecasts"),
    ("航空气象", "Aviation Met"),
)
SIZES = ((384, 300), (360, 300), (400, 288), (340, 320), (420, 300))
PALETTES: dict[str, tuple[str, ...]] = {
    "precipitation": ("bands", "bands", "Blues", "YlGnBu", "GnBu"),
    "temperature": ("jet", "RdYlBu_r", "coolwarm", "Spectral_r", "turbo"),
    "wind": ("YlOrRd", "BuPu", "rainbow", "PuRd", "YlGn"),
    "pressure": ("Spectral_r", "PuOr", "RdBu_r", "viridis"),
    "geopotential_height": ("viridis", "terrain", "RdYlBu_r", "cividis"),
    "humidity": ("BrBG", "YlGn", "GnBu", "winter_r"),
    "visibility": ("hot", "copper", "YlOrBr_r", "pink"),
}
"""Element -> colours an agency may have for it."""
PAPERS = ("#ffffff", "#ffffff", "#f7f5ee", "#eef2f6", "#fbfbf4")
INKS = ("#111111", "#1d2733", "#202020", "#2b1d10")
BANDS = ("#1b3a63", "#7c1d1d", "#205d4a", "#3b3b3b", "#e8edf3", "#f1e7cf")
LATIN = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono")
"""Fonts that matplotlib brings."""


@dataclass(frozen=True)
class Agency:
    """One source of charts."""

    id: str
    zh: str
    en: str
    language: str
    """`zh`, `en` or `both`."""
    latin: str
    """Font of Latin letters; Chinese is in the gallery's."""
    size: tuple[int, int]
    """Pixels: width, height."""
    paper: str
    ink: str
    coast: str
    land: str | None
    sea: str | None
    """Colours of land and sea where nothing is drawn over them; None = paper."""
    palettes: dict[str, str]
    title: str
    """Where a title stands: `left`, `middle`, `band` or `bottom`."""
    band: str
    bar: str
    """Where the scale of colours stands: `right`, `bottom` or `blocks`, a legend in the map."""
    marks: str
    """Corner of level and lead time."""
    boxed: bool
    """Whether the marks stand in a box."""
    lines: str
    """Colour of isolines."""
    barbs: bool
    """Whether wind is drawn with barbs; else with arrows."""
    filled: bool
    """Whether lines of pressure and height lie on colours."""
    meridians: str | None
    """Style of the net of degrees; None = none."""
    kinds: tuple[str, ...]
    regions: tuple[str, ...]
    titled: float
    """Share of charts with a title."""
    signed: float
    """Share of charts with the logo."""
    logo_corner: str
    logo_shape: str
    seed: int

    def logo(self, pixels: int) -> Image.Image:
        """The same on every chart."""
        return drawn_logo(np.random.default_rng([self.seed, 77]), pixels, self.logo_shape)

    def name(self, language: str) -> str:
        """In one of the two languages."""
        return self.zh if language == "zh" else self.en


def agency(number: int, seed: int) -> Agency:
    """The agency of a number from 0 to 29."""
    rng = np.random.default_rng([seed, 4001, number])
    place, office = PLACES[number % len(PLACES)], OFFICES[number % len(OFFICES)]

    def one(of: tuple[str, ...]) -> str:
        return of[int(rng.integers(len(of)))]

    corners = [("top", "left"), ("top", "right"), ("bottom", "left"), ("bottom", "right")]
    first, second = (" ".join(corners[int(place)]) for place in rng.permutation(4)[:2])
    tinted = bool(rng.random() < 0.5)
    return Agency(
        id=place[1].lower(),
        zh=place[0] + office[0],
        en=f"{place[1]} {office[1]}",
        language=one(("zh", "zh", "en", "both")),
        latin=one(LATIN),
        size=SIZES[int(rng.integers(len(SIZES)))],
        paper=one(PAPERS),
        ink=one(INKS),
        coast=one(("#333333", "#5a4632", "#1f4e79", "#000000", "#666666")),
        land=one(("#f3ecd9", "#e9efdd", "#efe9e1", "#fff7e0")) if tinted else None,
        sea=one(("#dcebf7", "#e6f2f7", "#d5e4ee")) if tinted else None,
        palettes={element: one(some) for element, some in PALETTES.items()},
        title=one(("left", "middle", "band", "bottom")),
        band=one(BANDS),
        bar=one(("right", "bottom", "blocks")),
        marks=first,
        boxed=bool(rng.random() < 0.6),
        lines=one(("#1233a8", "#111111", "#7a1f1f", "#0a5c3c")),
        barbs=bool(rng.random() < 0.65),
        filled=bool(rng.random() < 0.35),
        meridians=one((":", "--", "")) or None,
        kinds=tuple(KINDS[int(place)] for place in rng.permutation(4)[: int(rng.integers(1, 3))]),
        regions=tuple(list(REGIONS)[int(place)] for place in rng.permutation(len(REGIONS))[: int(rng.integers(2, 5))]),
        titled=float(rng.uniform(0.35, 0.75)),
        signed=float(rng.uniform(0.4, 1.0)),
        logo_corner=second,
        logo_shape=SHAPES[number % len(SHAPES)],
        seed=int(rng.integers(2**31)),
    )
