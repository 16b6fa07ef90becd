"""How training went, epoch by epoch, as lines before they are drawn."""

from dataclasses import dataclass

from sfumato.report.evidence import HistoryRow


@dataclass(frozen=True)
class Line:
    """One quantity over the epochs that have it."""

    name: str
    epochs: tuple[float, ...]
    """Epochs done, from 1."""
    values: tuple[float, ...]
    average: bool = False
    """Whether it belongs to averaged weights (EMA, SWA)."""


@dataclass(frozen=True)
class Chart:
    """Lines that share an axis."""

    title: str
    lines: tuple[Line, ...]
    epochs: int
    """Length of the axis."""
    keyframes: tuple[float, ...]
    best: int | None
    """Epochs done when the best weights were found; None = nothing was chosen."""


LOSS = "Loss"
_TITLES = {LOSS: "loss", "Accuracy": "accuracy", "mAP": "map", "Macro F1": "macro_f1", "Tail accuracy": "tail"}
_LINES = {"training": "train", "validation": "val", "EMA": "ema", "SWA": "swa"}
_CHARTS = {title: {line: f"{prefix}_{score}" for line, prefix in _LINES.items()} for title, score in _TITLES.items()}
"""Title -> name of a line -> its column in history.csv; what a run has no column or no value for has no line."""


def charts(history: tuple[HistoryRow, ...], epochs: int, keyframes: tuple[float, ...]) -> tuple[Chart, ...]:
    """Loss, accuracy, mAP, macro F1 and the tail's accuracy; a chart without a line is left out."""
    found = [_epochs_done(row) for row in history if row.get("best")]
    best = round(found[-1]) if found else None
    made = [
        Chart(title, tuple(_line(history, name, column) for name, column in columns.items()), epochs, keyframes, best)
        for title, columns in _CHARTS.items()
    ]
    kept = [Chart(c.title, tuple(line for line in c.lines if line.values), epochs, keyframes, best) for c in made]
    return tuple(chart for chart in kept if chart.lines)


def _line(history: tuple[HistoryRow, ...], name: str, column: str) -> Line:
    points = [(_epochs_done(row), row[column]) for row in history if row.get(column) is not None]
    epochs, values = tuple(at for at, _ in points), tuple(value for _, value in points if value is not None)
    return Line(name, epochs, values, average=column.startswith(("ema", "swa")))


def _epochs_done(row: HistoryRow) -> float:
    return (row["epoch"] or 0) + 1
