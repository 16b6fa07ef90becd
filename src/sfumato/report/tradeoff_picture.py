"""The curve of accuracy against macro-F1, from its frame; nothing is computed here but places."""

from math import hypot

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sfumato.decision.logit_adjustment import TauRow
from sfumato.report.palette import ACCENT, HAIR, INK, MUTED, PAPER, SMOKE
from sfumato.report.svg import own_style
from sfumato.report.tradeoff import Mark, TradeOff
from sfumato.report.wording import moment

_DPI = 96
_SIDE = 340
"""Pixels; both axes have the same scale, so that a trade looks like what it is."""
_SMALL = 7.5
"""Points; 10 pixels."""
_APART = 0.075
"""Least distance of two labels, as a share of the axes."""
_LEAST_SPAN = 0.02
_REACH = (0.03, 0.1, 0.17)
"""Where along a label its distance from the curve is looked at, as shares of the axes."""


def draw_trade_off(frame: TradeOff) -> Figure:
    """A figure 340 x 340 pixels: a dot a strength, rings at the marks, the strength in use filled."""
    with own_style():
        figure = Figure(figsize=(_SIDE / _DPI, _SIDE / _DPI), facecolor="none")
        axes = _axes(figure)
        span = _scale(axes, frame)
        across, up = [row.macro_f1 for row in frame.rows], [row.accuracy for row in frame.rows]
        axes.plot(across, up, color=SMOKE, linewidth=1, alpha=0.7)
        axes.plot(across, up, "o", color=SMOKE, markersize=2)
        for mark in sorted(frame.marks, key=lambda mark: mark.used):  # the one in use on top
            _ring(axes, mark)
        _labels(axes, frame, span)
    return figure


def _axes(figure: Figure) -> Axes:
    axes = figure.add_axes((0.12, 0.12, 0.87, 0.86), facecolor="none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(HAIR)
    axes.tick_params(colors=MUTED, labelsize=_SMALL, length=0)
    axes.grid(color=HAIR, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.set_xlabel("macro-F1", color=MUTED, fontsize=_SMALL)
    axes.text(0.015, 0.985, "accuracy", color=MUTED, fontsize=_SMALL, va="top", transform=axes.transAxes)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))
    return axes


def _scale(axes: Axes, frame: TradeOff) -> float:
    """Set limits of the same span for both axes, and return it."""
    across, up = [row.macro_f1 for row in frame.rows], [row.accuracy for row in frame.rows]
    span = 1.4 * max(max(across) - min(across), max(up) - min(up), _LEAST_SPAN)
    for limit, values in ((axes.set_xlim, across), (axes.set_ylim, up)):
        middle = (max(values) + min(values)) / 2
        limit(middle - span / 2, middle + span / 2)
    return span


def _ring(axes: Axes, mark: Mark) -> None:
    inside = ACCENT if mark.used else PAPER
    size = 6.5 if mark.used else 5
    axes.plot(
        [mark.row.macro_f1], [mark.row.accuracy], "o", color=ACCENT, markersize=size, markerfacecolor=inside, mew=1
    )


def _labels(axes: Axes, frame: TradeOff, span: float) -> None:
    """Strengths beside the marks, the one in use first, then at the end; one too near another is left out."""
    marks = sorted(frame.marks, key=lambda mark: not mark.used)
    placed: list[TauRow] = []
    for row in (*(mark.row for mark in marks), frame.rows[-1]):
        if all(_distance(row, other) >= _APART * span for other in placed):
            placed.append(row)
            _label(axes, row, INK if row is marks[0].row else MUTED, _freest(axes, frame, row, span))


def _distance(one: TauRow, other: TauRow) -> float:
    return hypot(one.macro_f1 - other.macro_f1, one.accuracy - other.accuracy)


def _freest(axes: Axes, frame: TradeOff, row: TauRow, span: float) -> tuple[int, int]:
    """Right or left of the dot, and level with it, above or below: where a label is farthest from curve and edges.

    Both numbers are -1, 0 or 1. A label is about a sixth of the axes wide; its middle and both ends are looked at.
    """
    left, right = axes.get_xlim()

    def room(side: tuple[int, int]) -> float:
        points = [(row.macro_f1 + side[0] * far * span, row.accuracy + side[1] * 0.035 * span) for far in _REACH]
        inside = min(points[-1][0] - left, right - points[-1][0])
        others = [one for one in frame.rows if one is not row]
        return min(inside, *(hypot(one.macro_f1 - x, one.accuracy - y) for one in others for x, y in points))

    return max(((1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)), key=room)


def _label(axes: Axes, row: TauRow, colour: str, side: tuple[int, int]) -> None:
    axes.annotate(
        f"τ = {moment(row.tau)}",
        (row.macro_f1, row.accuracy),
        xytext=(7 * side[0], 8 * side[1]),
        textcoords="offset points",
        ha="left" if side[0] > 0 else "right",
        va="center",
        color=colour,
        fontsize=_SMALL,
    )
