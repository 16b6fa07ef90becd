"""Standings as pictures: every score with its interval, and what accuracy cost in time."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from sfumato.metrics.intervals import Interval
from sfumato.report.canvas import Canvas, text_width
from sfumato.report.cost import duration
from sfumato.report.palette import ACCENT, HAIR, INK, MUTED, SMOKE, UMBER
from sfumato.report.standings import Standing, Standings
from sfumato.report.svg import own_style

_WIDTH, _GAP = 640, 28
_TOP, _ROW, _BOTTOM = 30, 34, 26
_LEAST_SPAN = 0.02
_MOST_LETTERS = 34
_TONES = (ACCENT, UMBER)
_DPI, _SMALL = 96, 7.5


def draw_scores(found: Standings) -> Figure:
    """A figure 640 pixels wide: a row a contestant; of each of the two main scores a dot and its interval as a line."""
    rows = found.ranked
    names = [_short(f"{row.rank}  {row.name}") for row in rows]
    left = 20 + max((text_width(name) for name in names), default=0.0) + _GAP
    right = _WIDTH - 24
    low, high = _scale([one for row in rows for one, _, _ in _shown(found, row)])

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    with own_style():
        canvas = Canvas(_WIDTH, _TOP + _ROW * len(rows) + _BOTTOM)
        for index, (row, name) in enumerate(zip(rows, names, strict=True)):
            y = _TOP + _ROW * (index + 0.5)
            canvas.text(20, y + 4, name, INK if index == 0 or _close(row) else MUTED)
            canvas.path([(left, y), (right, y)], HAIR)
            for one, lift, tone in _shown(found, row):
                canvas.path([(x(one.low), y + lift), (x(one.high), y + lift)], tone, 3, 0.35)
                canvas.dot(x(one.value), y + lift, 3.5, tone)
        for value, side in ((low, "left"), (high, "right")):
            canvas.text(
                x(value), canvas.height - 8, f"{value:.2f}", MUTED, size=9, side="left" if side == "left" else "right"
            )
        for place, (name, tone) in enumerate(zip(found.main, _TONES, strict=True)):
            canvas.dot(left + 4 + 74 * place, 12, 3.5, tone)
            canvas.text(left + 12 + 74 * place, 16, found.names[name], MUTED, size=10)
    return canvas.figure


def draw_time(found: Standings) -> Figure | None:
    """A figure 340 x 300 pixels: the main score against training time; None where that of fewer than two is known."""
    main, _ = found.main
    rows = [row for row in found.ranked if row.took.seconds and main in row.scores]
    if len(rows) < 2:
        return None
    seconds = [row.took.seconds or 0.0 for row in rows]
    with own_style():
        figure = Figure(figsize=(340 / _DPI, 300 / _DPI), facecolor="none")
        axes = _axes(figure, found.names[main], wide=max(seconds) > 4 * min(seconds))
        for row, time in zip(rows, seconds, strict=True):
            one = row.scores[main]
            axes.plot([time, time], [one.low, one.high], color=SMOKE, linewidth=1.5, alpha=0.5)
            axes.plot([time], [one.value], "o", color=ACCENT, markersize=4.5)
            axes.annotate(
                str(row.rank), (time, one.value), (5, 3), textcoords="offset points", color=INK, fontsize=_SMALL
            )
    return figure


def _axes(figure: Figure, name: str, *, wide: bool) -> Axes:
    axes = figure.add_axes((0.12, 0.15, 0.84, 0.82), facecolor="none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(HAIR)
    if wide:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(_time))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.margins(x=0.12)
    axes.tick_params(colors=MUTED, labelsize=_SMALL, length=0)
    axes.grid(color=HAIR, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.set_xlabel("training time", color=MUTED, fontsize=_SMALL)
    axes.text(0.015, 0.985, name, color=MUTED, fontsize=_SMALL, va="top", transform=axes.transAxes)
    return axes


def _time(seconds: float, _: int | None = None) -> str:
    return duration(seconds) if seconds > 0 else "0"


def _shown(found: Standings, row: Standing) -> list[tuple[Interval, int, str]]:
    """The two main scores with their place and tone; the first is missing where no sample is of any class."""
    drawn = zip(found.main, (-4, 4), _TONES, strict=True)
    return [(row.scores[name], lift, tone) for name, lift, tone in drawn if name in row.scores]


def _close(row: Standing) -> bool:
    """Whether it can't be told from the first."""
    return row.against is not None and not row.against.told_apart


def _scale(found: list[Interval]) -> tuple[float, float]:
    low, high = min((one.low for one in found), default=0.0), max((one.high for one in found), default=1.0)
    air = 0.04 * max(high - low, _LEAST_SPAN)
    return max(0.0, low - air), min(1.0, high + air)


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
