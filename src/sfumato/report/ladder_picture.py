"""A ladder as a picture: a row a rung, its validation score and its test score each with a bar for the interval."""

from matplotlib.figure import Figure

from sfumato.metrics.intervals import Interval
from sfumato.metrics.ladder import Standing, Step
from sfumato.report.canvas import Canvas
from sfumato.report.ladder_table import score_words
from sfumato.report.palette import ACCENT, HAIR, INK, MUTED, PAPER
from sfumato.report.svg import own_style

_WIDTH, _LEFT, _RIGHT = 640, 150, 480
_TOP, _ROW, _BOTTOM = 56, 44, 44
_AIR = 0.08
_LEAST_SPAN = 0.02


def draw_ladder(found: Standing) -> Figure:
    """A figure 640 pixels wide."""
    low, high = _scale(found)
    with own_style():
        canvas = Canvas(_WIDTH, _TOP + _ROW * len(found.steps) + _BOTTOM, PAPER)
        canvas.text(20, 24, f"From texts alone to linear probes, by {score_words(found)}", size=13, weight="bold")
        canvas.text(20, 44, "test with its 95 % interval; grey: validation, which chose", MUTED, size=10)
        for index, step in enumerate(found.steps):
            _draw(canvas, step, _TOP + _ROW * (index + 0.5), (low, high), chosen=step.name == found.chosen.name)
        bottom = canvas.height - _BOTTOM + 14
        canvas.text(_LEFT, bottom, f"{low:.3g}", MUTED, size=9)
        canvas.text(_RIGHT, bottom, f"{high:.3g}", MUTED, size=9, side="right")
    return canvas.figure


def _draw(canvas: Canvas, step: Step, y: float, ends: tuple[float, float], *, chosen: bool) -> None:
    def x(value: float) -> float:
        return _LEFT + (value - ends[0]) / (ends[1] - ends[0]) * (_RIGHT - _LEFT)

    def bar(found: Interval, height: float, colour: str) -> None:
        canvas.path([(x(found.low), height), (x(found.high), height)], colour, 2, 0.6)
        canvas.dot(x(found.value), height, 4, colour)

    canvas.text(20, y + 4, step.words, INK, weight="bold" if chosen else "normal")
    canvas.path([(_LEFT, y), (_RIGHT, y)], HAIR)
    if step.test is not None:
        bar(step.test, y - 5, ACCENT)
    if step.val is not None:
        bar(step.val, y + 7, MUTED)
    said = "left out" if step.why_not else "chosen" if chosen else "kept" if step.kept else "dropped"
    shown = step.test or step.val
    canvas.text(_RIGHT + 20, y + 4, said if shown is None else f"{shown.value:.4f}  {said}")


def _scale(found: Standing) -> tuple[float, float]:
    """Ends between which all intervals stand, with some air."""
    intervals = [one for step in found.steps for one in (step.val, step.test) if one is not None]
    values = [end for one in intervals for end in (one.low, one.high)]
    span = max(max(values) - min(values), _LEAST_SPAN)
    return min(values) - _AIR * span, max(values) + _AIR * span
