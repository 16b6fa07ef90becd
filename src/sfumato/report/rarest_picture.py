"""The course of one class from its frame; nothing is computed here but places."""

from matplotlib.figure import Figure

from sfumato.report.palette import ACCENT, HAIR
from sfumato.report.rarest import Course, Rarest
from sfumato.report.svg import own_style

_DPI = 96
_WIDTH, _HEIGHT = 300, 34
"""Pixels."""


def draw_course(course: Course, frame: Rarest) -> Figure:
    """A figure 300 x 34 pixels: recall from 0 to 1, the best epoch a ring, keyframes as faint lines."""
    with own_style():
        figure = Figure(figsize=(_WIDTH / _DPI, _HEIGHT / _DPI), facecolor="none")
        axes = figure.add_axes((0, 0, 1, 1), facecolor="none")
        axes.set(xlim=(0, frame.epochs * 1.02), ylim=(-0.12, 1.12))
        axes.set_axis_off()
        for level in (0, 1):
            axes.axhline(level, color=HAIR, linewidth=0.4, zorder=0)
        for epoch in frame.keyframes:
            axes.axvline(epoch, color=HAIR, linewidth=0.6, zorder=0)
        axes.fill_between(course.epochs, course.recalls, color=ACCENT, alpha=0.12, linewidth=0)
        marker = "o" if len(course.epochs) < 3 else ""
        axes.plot(course.epochs, course.recalls, color=ACCENT, linewidth=1.2, marker=marker, markersize=2.5)
        if frame.best is not None and course.kept is not None:
            axes.plot([frame.best], [course.kept], "o", color=ACCENT, markersize=5, markerfacecolor="none", mew=1)
    return figure
