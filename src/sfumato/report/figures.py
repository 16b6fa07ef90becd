"""Charts and reliability diagrams from their frames; nothing is computed here but places."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sfumato.report.curves import LOSS, Chart, Line
from sfumato.report.frames import ReliabilityFrame
from sfumato.report.palette import ACCENT, HAIR, MUTED, SMOKE, UMBER
from sfumato.report.svg import own_style
from sfumato.short import short

DPI = 96
SMALL = 7.5
"""Points; 10 pixels."""


def draw_chart(chart: Chart) -> Figure:
    """A figure 300 x 200 pixels: the best epoch a ring, keyframes as faint lines; the page names the lines."""
    with own_style():
        figure = Figure(figsize=(300 / DPI, 200 / DPI), facecolor="none")
        axes = plain_axes(figure, (0.13, 0.12, 0.85, 0.84))
        axes.set_xlim(0, chart.epochs * 1.02)
        for epoch in chart.keyframes:
            axes.axvline(epoch, color=HAIR, linewidth=0.6, zorder=0)
        for line in chart.lines:
            _line(axes, line, chart.best)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        if chart.title != LOSS:  # a score that never moves would be drawn amid figures that it can't have
            low, high = axes.get_ylim()
            axes.set_ylim(max(low, -0.005), min(high, 1.005))
        axes.yaxis.set_major_locator(MaxNLocator(4))
    return figure


def draw_reliability(frame: ReliabilityFrame) -> Figure:
    """A figure 300 x 300 pixels: accuracy against confidence, and below it how many samples have that confidence."""
    with own_style():
        figure = Figure(figsize=(300 / DPI, 300 / DPI), facecolor="none")
        _diagram(plain_axes(figure, (0.13, 0.31, 0.85, 0.66)), frame)
        _histogram(plain_axes(figure, (0.13, 0.08, 0.85, 0.17)), frame)
    return figure


def plain_axes(figure: Figure, place: tuple[float, float, float, float]) -> Axes:
    """Axes with faint horizontal lines; `place` is left, bottom, width and height in shares of the figure."""
    axes = figure.add_axes(place, facecolor="none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(HAIR)
    axes.tick_params(colors=MUTED, labelsize=SMALL, length=0)
    axes.grid(axis="y", color=HAIR, linewidth=0.4)
    axes.set_axisbelow(True)
    return axes


def _tone(line: Line) -> str:
    return UMBER if line.average else MUTED if line.name == "training" else ACCENT


def _line(axes: Axes, line: Line, best: int | None) -> None:
    marker = "o" if len(line.values) < 3 else ""
    style = "--" if line.average else "-"
    axes.plot(line.epochs, line.values, style, color=_tone(line), linewidth=1.2, marker=marker, markersize=2.5)
    if best in line.epochs and line.name != "training":
        value = line.values[line.epochs.index(best)]
        axes.plot([best], [value], "o", color=_tone(line), markersize=5, markerfacecolor="none", markeredgewidth=1)


def _diagram(axes: Axes, frame: ReliabilityFrame) -> None:
    bins = frame.bins
    width = 1 / len(bins.count)
    filled = bins.count > 0
    centres = [(place + 0.5) * width for place in range(len(bins.count))]
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.bar(centres, bins.accuracy, width * 0.86, color=SMOKE, alpha=0.55)
    axes.plot(bins.confidence[filled], bins.accuracy[filled], "o", color=ACCENT, markersize=3)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xticks=[], yticks=[0, 0.5, 1])
    axes.set_yticklabels(["0", "50 %", "100 %"])


def _histogram(axes: Axes, frame: ReliabilityFrame) -> None:
    counts = frame.bins.count.tolist()
    width = 1 / len(counts)
    centres = [(place + 0.5) * width for place in range(len(counts))]
    axes.bar(centres, counts, width * 0.86, color=SMOKE, alpha=0.35)
    for centre, count in zip(centres, counts, strict=True):
        if count:
            axes.text(centre, count, short(count), ha="center", va="bottom", fontsize=5.5, color=MUTED)
    axes.grid(visible=False)
    axes.set(xlim=(0, 1), ylim=(0, max(1, *counts) * 1.25), yticks=[], xticks=[0, 0.5, 1])
    for label, side in zip(
        axes.set_xticklabels(["0", "confidence", "100 %"]), ("left", "center", "right"), strict=True
    ):
        label.set_horizontalalignment(side)
