"""The curve of risk against coverage, from its frame; nothing is computed here but places."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from sfumato.report.figures import DPI, SMALL, plain_axes
from sfumato.report.palette import ACCENT, INK, MUTED, PAPER, SMOKE
from sfumato.report.risk_coverage import RiskCoverageFrame
from sfumato.report.svg import own_style

_SETTLED = 0.05
"""Coverage from which on the height of the axis is set: a wrong answer among the first few would dwarf the rest."""


def draw_risk_coverage(frame: RiskCoverageFrame) -> Figure:
    """A figure 300 x 300 pixels: the filled dot is how it answers, the dashed line withholds at random."""
    with own_style():
        figure = Figure(figsize=(300 / DPI, 300 / DPI), facecolor="none")
        axes = plain_axes(figure, (0.15, 0.13, 0.82, 0.84))
        axes.plot([0, 1], [frame.error, frame.error], color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
        coverage, risk = ([getattr(point, name) for point in frame.points] for name in ("coverage", "risk"))
        axes.plot(coverage, risk, color=SMOKE, linewidth=1.4)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.12 * _height(frame)))
        if frame.chosen is not None:
            axes.plot([frame.chosen.coverage], [frame.chosen.risk], "o", color=ACCENT, markersize=6, mec=PAPER)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "50 %", "", "100 %"])
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
        axes.set_xlabel("answered", color=MUTED, fontsize=SMALL)
        axes.text(0.02, 0.98, "wrong among them", color=INK, fontsize=SMALL, va="top", transform=axes.transAxes)
    return figure


def _height(frame: RiskCoverageFrame) -> float:
    chosen = [frame.chosen] if frame.chosen else []
    return max(frame.error, *(one.risk for one in (*frame.points, *chosen) if one.coverage >= _SETTLED))
