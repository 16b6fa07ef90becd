"""Folds as a picture: a row a score, a dot a fold, the mean as a line and one standard deviation as a band."""

from dataclasses import dataclass

from matplotlib.figure import Figure

from sfumato.metrics.folds import FoldSummary
from sfumato.report.canvas import Canvas
from sfumato.report.folds_summary import fold_scores_of
from sfumato.report.palette import ACCENT, HAIR, INK, MUTED, PAPER, SMOKE
from sfumato.report.svg import own_style
from sfumato.tasks import of_task

_WIDTH, _LEFT, _RIGHT = 640, 150, 490
_TOP, _ROW, _BOTTOM = 36, 42, 40
_AIR = 0.08
"""Left of the least and right of the greatest value, as a share of the scale."""
_LEAST_SPAN = 0.02


@dataclass(frozen=True)
class FoldRow:
    """One row of the picture."""

    name: str
    values: tuple[float, ...]
    """One a fold."""
    mean: float
    std: float
    low: float
    """Left end of its scale."""
    high: float
    last: bool
    """Whether it is the last row of its scale, whose ends are written below it."""


def fold_rows(summary: FoldSummary) -> list[FoldRow]:
    """The frame of the picture. All shares have one scale, so that they compare; a loss has its own."""
    rows: list[FoldRow] = []
    for task in summary.unmeasured:
        names = {of_task(name, task): of_task(words, task) for name, words in fold_scores_of(summary).items()}
        there = {name: words for name, words in names.items() if name in summary.mean}
        losses = [name for name in there if name.startswith("loss")]
        shares = [name for name in there if name not in losses]
        for group in (losses, shares):
            low, high = _scale(summary, group)
            rows += [_row(summary, name, there[name], (low, high), last=name == group[-1]) for name in group]
    return rows


def draw_folds(summary: FoldSummary) -> Figure:
    """A figure 640 pixels wide."""
    rows = fold_rows(summary)
    with own_style():
        canvas = Canvas(_WIDTH, _TOP + _ROW * len(rows) + _BOTTOM, PAPER)
        canvas.text(20, 24, f"{len(summary.folds)} folds", size=13, weight="bold")
        canvas.text(_RIGHT + 20, 24, "mean ± std", MUTED)
        for index, row in enumerate(rows):
            _draw_row(canvas, row, _TOP + _ROW * (index + 0.5))
        words = "a dot a fold; its weights were chosen on "
        words += "samples of other folds" if summary.nested else "the samples it is measured on"
        canvas.text(20, canvas.height - 12, words, MUTED, size=10)
    return canvas.figure


def _draw_row(canvas: Canvas, row: FoldRow, y: float) -> None:
    def x(value: float) -> float:
        return _LEFT + (value - row.low) / (row.high - row.low) * (_RIGHT - _LEFT)

    canvas.text(20, y + 4, row.name)
    canvas.path([(_LEFT, y), (_RIGHT, y)], HAIR)
    left, right = x(row.mean - row.std), x(row.mean + row.std)
    canvas.box(left, y - 9, right - left, 18, SMOKE, 0.22)
    canvas.path([(x(row.mean), y - 11), (x(row.mean), y + 11)], ACCENT, 1.5)
    for value in row.values:
        canvas.dot(x(value), y, 3.5, ACCENT, 0.75)
    if row.last:
        canvas.text(_LEFT, y + 21, f"{row.low:.3g}", MUTED, size=9)
        canvas.text(_RIGHT, y + 21, f"{row.high:.3g}", MUTED, size=9, side="right")
    canvas.text(_RIGHT + 20, y + 4, f"{row.mean:.4f} ± {row.std:.4f}", INK)


def _row(summary: FoldSummary, name: str, words: str, scale: tuple[float, float], *, last: bool) -> FoldRow:
    values = tuple(fold.scores[name] for fold in summary.folds)
    return FoldRow(words, values, summary.mean[name], summary.std[name], *scale, last)


def _scale(summary: FoldSummary, names: list[str]) -> tuple[float, float]:
    """Ends between which all dots and bands stand, with some air."""
    dots = [fold.scores[name] for name in names for fold in summary.folds]
    bands = [summary.mean[name] + sign * summary.std[name] for name in names for sign in (-1, 1)]
    values = [*dots, *bands] or [0.0]
    span = max(max(values) - min(values), _LEAST_SPAN)
    return min(values) - _AIR * span, max(values) + _AIR * span
