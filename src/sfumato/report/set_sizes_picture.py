"""How large sets are, from their frame; nothing is computed here but places."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from sfumato.report.figures import DPI, SMALL, plain_axes
from sfumato.report.palette import MUTED, SMOKE, UMBER
from sfumato.report.set_sizes import SIZES, SetsFrame
from sfumato.report.svg import own_style
from sfumato.report.wording import percent

_LABELLED = 7
"""Above more bars than these their shares would run into each other."""


def draw_set_sizes(frame: SetsFrame) -> Figure:
    """A figure 300 x 200 pixels: a bar a size, its share of the images above it, at its top those that miss."""
    with own_style():
        figure = Figure(figsize=(300 / DPI, 200 / DPI), facecolor="none")
        axes = plain_axes(figure, (0.15, 0.19, 0.83, 0.79))
        places = [one.size for one in frame.sizes]
        axes.bar(places, [one.held for one in frame.sizes], 0.7, color=SMOKE, alpha=0.7)
        missed = [one.share - one.held for one in frame.sizes]
        axes.bar(places, missed, 0.7, bottom=[one.held for one in frame.sizes], color=UMBER, alpha=0.7)
        highest = max(one.share for one in frame.sizes)
        for one in frame.sizes if len(frame.sizes) <= _LABELLED else ():
            axes.text(one.size, one.share, percent(one.share), ha="center", va="bottom", fontsize=6.5, color=MUTED)
        axes.set(xlim=(places[0] - 0.6, places[-1] + 0.6), ylim=(0, 1.16 * highest))
        axes.set_xticks(places, [f"{size} +" if size == SIZES else str(size) for size in places])
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
        axes.set_xlabel("classes in a set", color=MUTED, fontsize=SMALL)
    return figure
