"""Precision against recall, and F1 against the threshold, from their frame; nothing is computed here but places."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sfumato.report.figures import DPI, SMALL, plain_axes
from sfumato.report.palette import ACCENT, HAIR, INK, MUTED, OCHRE, PAPER, SAGE, SMOKE
from sfumato.report.svg import own_style
from sfumato.report.two_classes import Naming, TwoClassFrame

_SIDE = 300
"""Pixels."""


def draw_precision_recall(frame: TwoClassFrame) -> Figure:
    """A figure 300 x 300 pixels: the dot is how it answers, the ring the greatest F1, dashed naming at random."""
    with own_style():
        figure, axes = _empty("recall", "precision")
        axes.plot([0, 1], [frame.share, frame.share], color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
        recall = [0.0, *(one.recall for one in frame.namings)]
        precision = [frame.namings[0].precision, *(one.precision for one in frame.namings)]
        axes.plot(recall, precision, color=SMOKE, linewidth=1.4, drawstyle="steps-pre")  # between cuts is no straight
        _dot(axes, (frame.best.recall, frame.best.precision), used=False)
        _dot(axes, (frame.chosen.recall, frame.chosen.precision), used=True)
    return figure


def draw_thresholds(frame: TwoClassFrame) -> Figure:
    """A figure 300 x 300 pixels: F1, and fainter precision and recall, by the threshold; dot and ring as above.

    The band is where the thresholds of resamples lie.
    """
    with own_style():
        figure, axes = _empty("threshold", "")
        thresholds = [one.threshold or 0.0 for one in frame.namings]
        if frame.stable is not None:
            axes.axvspan(*frame.stable, facecolor=HAIR, alpha=0.5, linewidth=0, zorder=0)
        for name, tone, width in (("precision", OCHRE, 0.9), ("recall", SAGE, 0.9), ("f1", SMOKE, 1.6)):
            values = [getattr(one, name) for one in frame.namings]
            axes.plot(thresholds, values, color=tone, linewidth=width, drawstyle="steps-mid")
        _at(axes, frame.best, used=False)
        _at(axes, frame.chosen, used=True)
    return figure


def _at(axes: Axes, naming: Naming, *, used: bool) -> None:
    if naming.threshold is not None:
        if used:
            axes.axvline(naming.threshold, color=HAIR, linewidth=0.8, zorder=0)
        _dot(axes, (naming.threshold, naming.f1), used=used)


def _dot(axes: Axes, place: tuple[float, float], *, used: bool) -> None:
    inside, edge, size = (ACCENT, PAPER, 6) if used else (PAPER, ACCENT, 5.5)
    axes.plot([place[0]], [place[1]], "o", markersize=size, markerfacecolor=inside, mec=edge, mew=1, zorder=3 + used)


def _empty(across: str, up: str) -> tuple[Figure, Axes]:
    """A figure with axes from 0 to 1."""
    figure = Figure(figsize=(_SIDE / DPI, _SIDE / DPI), facecolor="none")
    axes = plain_axes(figure, (0.11, 0.13, 0.86, 0.84))
    axes.set(xlim=(0, 1.02), ylim=(0, 1.04), xticks=[0, 0.25, 0.5, 0.75, 1], yticks=[0, 0.25, 0.5, 0.75, 1])
    axes.set_xticklabels(["0", "", "0.5", "", "1"])
    axes.set_xlabel(across, color=MUTED, fontsize=SMALL)
    axes.text(0.02, 0.02, up, color=INK, fontsize=SMALL, va="bottom", transform=axes.transAxes)
    return figure, axes
