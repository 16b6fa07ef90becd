"""A figure that is used again and again, addressed in pixels from its lower left corner."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from PIL import Image

DPI = 100


def add_font(path: str) -> str:
    """Name of the family of a font file, which texts may then be set in."""
    font_manager.fontManager.addfont(path)
    return font_manager.FontProperties(fname=path).get_name()


@dataclass
class Canvas:
    """`width` x `height` pixels."""

    figure: Figure
    families: list[str]
    """Fonts in which a letter is looked for, in turn."""
    ink: str = "black"
    width: int = 0
    height: int = 0
    _agg: FigureCanvasAgg | None = field(default=None, repr=False)

    def begin(self, width: int, height: int, paper: str) -> None:
        """An empty sheet."""
        self.figure.clear()
        self.figure.set_size_inches(width / DPI, height / DPI)
        self.figure.set_facecolor(paper)
        self.width, self.height = width, height

    def axes(self, box: tuple[float, float, float, float]) -> Axes:
        """Axes without any drawing of their own; box = left, bottom, width, height in pixels."""
        left, bottom, wide, high = box
        place = (left / self.width, bottom / self.height, wide / self.width, high / self.height)
        found = self.figure.add_axes(place)
        found.set_axis_off()
        return found

    def text(self, x: float, y: float, words: str, pixels: float, **style: Any) -> None:
        """Words whose letters are about `pixels` high."""
        style = {"color": self.ink, "va": "center", **style}
        size = pixels * 72 / DPI
        self.figure.text(x / self.width, y / self.height, words, fontsize=size, family=self.families, **style)

    def box(
        self, x: float, y: float, wide: float, high: float, colour: str, *, round_: bool = False, **style: Any
    ) -> None:
        """A rectangle."""
        place = (x / self.width, y / self.height), wide / self.width, high / self.height
        shape = {"boxstyle": "round,pad=0,rounding_size=0.01"}
        patch = FancyBboxPatch(*place, **shape) if round_ else Rectangle(*place)
        patch.set(facecolor=colour, transform=self.figure.transFigure, **({"edgecolor": "none"} | style))
        self.figure.add_artist(patch)

    def pixels(self) -> Image.Image:
        """What was drawn, as RGB."""
        agg = self._agg = self._agg or FigureCanvasAgg(self.figure)
        agg.draw()
        return Image.fromarray(np.asarray(agg.buffer_rgba())[:, :, :3])
