"""The flow of samples through a cascade, and what the gate's threshold costs; nothing is computed here but places."""

from collections.abc import Sequence
from math import cos, pi

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sfumato.report.canvas import Canvas
from sfumato.report.cascade_frames import FlowFrame
from sfumato.report.figures import DPI, plain_axes
from sfumato.report.palette import ACCENT, INK, MAUVE, MUTED, OCHRE, SAGE, UMBER
from sfumato.report.svg import own_style

_WIDTH, _HEIGHT, _TOP, _GAP = 680, 200, 34, 12
_COLUMNS = (20, 240, 430)
_BAR = 8
_LEAST = 3.0
"""Pixels that even a single sample has."""
_STOPPED = ("stopped", "missed")
_ANSWERED = ("right", "elements", "products", "withheld", "false_alarm")
_TONES = {
    "stopped": SAGE,
    "missed": UMBER,
    "right": ACCENT,
    "elements": OCHRE,
    "products": OCHRE,
    "withheld": MAUVE,
    "false_alarm": UMBER,
}
_WORDS = {
    "stopped": "rightly stopped",
    "missed": "wrongly stopped",
    "right": "right",
    "elements": "wrong, by its elements",
    "products": "wrong, by its product",
    "withheld": "withheld",
    "false_alarm": "answered, and should not be",
}


def draw_flow(frame: FlowFrame) -> Figure:
    """A figure 680 pixels wide: bands as high as they hold samples, from all of them to how each ends."""
    rows = [name for name in (*_ANSWERED, *_STOPPED) if frame.counts.get(name)]
    heights = {name: max(_LEAST, _HEIGHT * frame.counts[name] / frame.samples) for name in rows}
    tall = sum(heights.values()) + _GAP * (len(rows) - 1)
    with own_style():
        canvas = Canvas(_WIDTH, _TOP + tall + 14)
        for x, title in zip(_COLUMNS, _titles(frame), strict=True):
            canvas.text(x, 16, title, MUTED, size=10)
        tops = _stacked(rows, heights, _GAP)
        inner = _stacked(rows, heights, 0)
        shift = (tall - sum(heights.values())) / 2
        for name in rows:
            high, tone = heights[name], _TONES[name]
            left, right = _TOP + shift + inner[name], _TOP + tops[name]
            column = _COLUMNS[1 if name in _STOPPED else 2]
            _band(canvas, (_COLUMNS[0] + _BAR, left), (_COLUMNS[1], right), high, tone)
            _band(canvas, (_COLUMNS[1] + _BAR, right), (column, right), high, tone)
            for x, y in ((_COLUMNS[0], left), (_COLUMNS[1], right), (column, right)):
                canvas.box(x, y, _BAR, high, tone, 0.9)
            words = f"{frame.counts[name]:,}  {_WORDS[name]}"
            canvas.text(column + _BAR + 10, right + high / 2 + 4, words, INK)
    return canvas.figure


def draw_gate_costs(curve: Sequence[tuple[float, float]], chosen: float) -> Figure:
    """A figure 340 x 220 pixels: mean cost by the gate's threshold, the chosen one a dot."""
    with own_style():
        figure = Figure(figsize=(340 / DPI, 220 / DPI), facecolor="none")
        axes = plain_axes(figure, (0.13, 0.2, 0.83, 0.74))
        points = sorted(curve)
        axes.step([x for x, _ in points], [y for _, y in points], where="mid", color=ACCENT, linewidth=1.4)
        cost = min(points, key=lambda one: abs(one[0] - chosen))[1]
        axes.plot([chosen], [cost], "o", color=ACCENT, markersize=5)
        axes.set_xlim(0, 1)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel("threshold of the gate", color=MUTED, fontsize=7.5)
    return figure


def _titles(frame: FlowFrame) -> tuple[str, str, str]:
    first = "seen by the gate" if frame.gated else "seen"
    return (f"{frame.samples:,} {first}", f"{frame.passed:,} go on", "how they end")


def _stacked(rows: Sequence[str], heights: dict[str, float], gap: float) -> dict[str, float]:
    """Name -> where it begins, one below the other."""
    found, y = dict[str, float](), 0.0
    for name in rows:
        found[name] = y
        y += heights[name] + gap
    return found


def _band(canvas: Canvas, start: tuple[float, float], end: tuple[float, float], high: float, tone: str) -> None:
    """A band of one height that swings from one place to another; nothing where it would lead nowhere."""
    if end[0] <= start[0]:
        return
    steps = [place / 24 for place in range(25)]
    (x0, y0), (x1, y1) = start, end
    upper = [(x0 + (x1 - x0) * t, y0 + (y1 - y0) * (1 - cos(pi * t)) / 2) for t in steps]
    lower = [(x, y + high) for x, y in reversed(upper)]
    canvas.shape([*upper, *lower], tone, 0.22)
