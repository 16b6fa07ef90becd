"""A sweep as a picture: the score of every trial, the best so far as a line, and which settings matter."""

from collections.abc import Callable
from itertools import accumulate

from matplotlib.figure import Figure

from sfumato.report.canvas import Canvas
from sfumato.report.palette import ACCENT, HAIR, MUTED, PAPER, SMOKE, UMBER
from sfumato.report.svg import own_style
from sfumato.report.sweep_frame import Swept, Trial
from sfumato.report.sweep_table import select_name
from sfumato.report.wording import percent

_WIDTH, _LEFT, _RIGHT = 640, 64, 616
_TOP, _HEIGHT, _FOOT = 44, 200, 48
_ROW, _BAR = 24, 300
_MOST_ROWS = 10
_LEAST_SPAN = 0.02
_Place = Callable[[float, float], tuple[float, float]]
"""(trial, score) -> pixels."""


def draw_sweep(found: Swept) -> Figure:
    """A figure 640 pixels wide."""
    rows = list(found.importance.items())[:_MOST_ROWS]
    below = 36 + _ROW * len(rows) if rows else 0
    with own_style():
        canvas = Canvas(_WIDTH, _TOP + _HEIGHT + _FOOT + below, PAPER)
        canvas.text(20, 24, f"{select_name(found)} on validation, trial by trial", size=13, weight="bold")
        _draw_trials(canvas, found)
        if rows:
            _draw_importance(canvas, rows, _TOP + _HEIGHT + _FOOT)
    return canvas.figure


def _draw_trials(canvas: Canvas, found: Swept) -> None:
    shown = [trial for trial in found.trials if _value(trial) is not None]
    low, high = _scale([_value(trial) or 0.0 for trial in shown])
    last = max((trial.number for trial in found.trials), default=0)

    def place(number: float, value: float) -> tuple[float, float]:
        across = _LEFT + (number + 0.5) / (last + 1) * (_RIGHT - _LEFT)
        return across, _TOP + _HEIGHT - (value - low) / (high - low) * _HEIGHT

    for value in (low, (low + high) / 2, high):
        y = place(0, value)[1]
        canvas.path([(_LEFT, y), (_RIGHT, y)], HAIR)
        canvas.text(_LEFT - 8, y + 3, f"{value:.3f}", MUTED, size=9, side="right")
    canvas.path(_best_so_far(shown, place, last), SMOKE, 1.5, 0.7)
    for trial in shown:
        x, y = place(trial.number, _value(trial) or 0.0)
        canvas.dot(x, y, 3.5, ACCENT if trial.state == "done" else UMBER, 0.85)
    y = _TOP + _HEIGHT + 20
    for x, tone, words in ((_LEFT, ACCENT, "to its end"), (_LEFT + 90, UMBER, "stopped early: its best epoch")):
        canvas.dot(x + 4, y - 4, 3.5, tone)
        canvas.text(x + 12, y, words, MUTED, size=10)
    canvas.text(_RIGHT, y, f"{last + 1} trials; line: the best so far", MUTED, size=10, side="right")


def _best_so_far(shown: list[Trial], place: _Place, last: int) -> list[tuple[float, float]]:
    """Corners of a staircase."""
    done = [(trial.number, trial.score) for trial in shown if trial.score is not None]
    heights = list(accumulate((score for _, score in done), max))
    corners: list[tuple[float, float]] = []
    for (number, _), height in zip(done, heights, strict=True):
        if corners:
            corners.append((place(number, height)[0], corners[-1][1]))
        corners.append(place(number, height))
    return [*corners, (place(last, 0)[0], corners[-1][1])] if corners else []


def _draw_importance(canvas: Canvas, rows: list[tuple[str, float]], top: float) -> None:
    canvas.text(20, top + 8, "which settings the differences come from", size=13, weight="bold")
    for index, (path, share) in enumerate(rows):
        y = top + 36 + _ROW * index
        canvas.text(20, y, path, size=10)
        canvas.box(_WIDTH - 60 - _BAR, y - 9, max(1.0, share * _BAR), 10, SMOKE, 0.6)
        canvas.text(_WIDTH - 24, y, percent(share), MUTED, size=10, side="right")


def _value(trial: Trial) -> float | None:
    return trial.reached if trial.score is None else trial.score


def _scale(values: list[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    air = 0.06 * max(high - low, _LEAST_SPAN)
    return low - air, high + air
