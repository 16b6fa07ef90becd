"""A sheet to draw on in pixels, y downwards, without axes: for pictures that are laid out by hand."""

from collections.abc import Sequence
from typing import Literal

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch, Polygon, Rectangle

from sfumato.report.palette import INK

_POINTS_PER_PIXEL = 0.75
_LETTER = 0.56
"""Mean width of a letter, in heights of the font."""
_AIR = 2
"""Pixels left of and right of words that lines keep away."""


class Canvas:
    """An empty figure of `width` x `height` pixels."""

    def __init__(self, width: float, height: float, paper: str | None = None) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / 96, height / 96), facecolor=paper or "none")
        self._axes = self.figure.add_axes((0, 0, 1, 1), facecolor="none")
        self._axes.set(xlim=(0, width), ylim=(height, 0))
        self._axes.set_axis_off()
        self._words: list[tuple[float, float, float, float]] = []

    def box(self, x: float, y: float, width: float, height: float, colour: str, opacity: float = 1) -> None:
        """A filled rectangle."""
        self._add(Rectangle((x, y), width, height, facecolor=colour, edgecolor="none", alpha=opacity))

    def hatched(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A rectangle of fine slanted lines on a breath of the colour."""
        self.box(x, y, width, height, colour, 0.1)
        self._add(
            Rectangle(
                (x, y),
                width,
                height,
                facecolor="none",
                edgecolor=colour,
                hatch="////",
                hatch_linewidth=0.35,
                linewidth=0,
            )
        )

    def shape(self, points: Sequence[tuple[float, float]], colour: str, opacity: float = 1) -> None:
        """A filled polygon."""
        self._add(Polygon(points, closed=True, facecolor=colour, edgecolor="none", alpha=opacity))

    def path(self, points: Sequence[tuple[float, float]], colour: str, width: float = 1, opacity: float = 1) -> None:
        """A line along points, `width` pixels wide."""
        xs, ys = [x for x, _ in points], [y for _, y in points]
        line = Line2D(xs, ys, color=colour, linewidth=width * _POINTS_PER_PIXEL, alpha=opacity)
        line.set_solid_joinstyle("round")
        line.set_clip_on(False)
        self._axes.add_line(line)

    def diamond(self, x: float, y: float, radius: float, colour: str) -> None:
        """A keyframe, as film editors draw it."""
        self.shape(((x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)), colour)

    def dot(self, x: float, y: float, radius: float, colour: str, opacity: float = 1) -> None:
        """A filled circle."""
        self._add(Circle((x, y), radius, facecolor=colour, edgecolor="none", alpha=opacity))

    def text(
        self,
        x: float,
        y: float,
        words: str,
        colour: str = INK,
        size: float = 11,
        side: Literal["left", "center", "right"] = "left",
        weight: Literal["normal", "bold"] = "normal",
    ) -> None:
        """Words on a baseline at y; `side` is the part of them that stands at x; `size` in pixels."""
        text = self._axes.text(x, y, words, color=colour, ha=side, va="baseline", fontweight=weight)
        text.set_fontsize(size * _POINTS_PER_PIXEL)
        text.set_parse_math(False)
        wide = text_width(words, size)
        left = x - {"left": 0.0, "center": wide / 2, "right": wide}[side]
        self._words.append((left - _AIR, y - size, left + wide + _AIR, y + size / 3))

    def free_of_words(self, x: float, top: float, bottom: float) -> list[tuple[float, float]]:
        """Stretches of a vertical line, from pixel to pixel, that run through no words."""
        crossed = sorted((y0, y1) for x0, y0, x1, y1 in self._words if x0 < x < x1 and y1 > top and y0 < bottom)
        stretches: list[tuple[float, float]] = []
        for y0, y1 in crossed:
            if y0 > top:
                stretches.append((top, y0))
            top = max(top, y1)
        return [*stretches, (top, bottom)] if top < bottom else stretches

    def _add(self, patch: Patch) -> None:
        patch.set_clip_on(False)
        self._axes.add_patch(patch)


def text_width(words: str, size: float = 11) -> float:
    """About how many pixels words take; the browser's font is not known here."""
    return len(words) * size * _LETTER
