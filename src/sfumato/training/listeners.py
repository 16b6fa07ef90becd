"""Listeners that every run has: CSV and JSON files, and TensorBoard. The console is the command line's own."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sfumato.json_file import write_json
from sfumato.metrics.classification import SCORES
from sfumato.metrics.label_scores import LABEL_SCORES
from sfumato.tasks import TaskLayout, of_task
from sfumato.training.records import (
    MEASURED,
    MEASURED_OF_LABELS,
    PREFIXES,
    AverageScored,
    AveragesDone,
    ClassesDone,
    EpochDone,
    Record,
    Started,
)

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter


def columns(layout: TaskLayout) -> tuple[str, ...]:
    """Of history.csv: the same for every training of one task of its kind, of several those of each besides."""
    names, tasks = MEASURED_OF_LABELS if layout.multilabel else MEASURED, layout.spaces if layout.several else ()
    each = [of_task(name, task) for task in tasks for name in MEASURED]
    measured: dict[str, float | None] = dict.fromkeys([*names, *each])
    return tuple(EpochDone(0, 0, 0.0, 0, 0, 0.0, 0.0, {"raw": measured}, None, 0.0, 0.0).cells())


class CsvHistory:
    """One row an epoch; on resume the file is written anew from what the checkpoint remembers."""

    def __init__(self, path: Path, layout: TaskLayout) -> None:
        self._path = path
        self._columns = columns(layout)

    def __call__(self, record: Record) -> None:
        """Write epochs as they come."""
        if isinstance(record, Started):
            with self._path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow(self._columns)
            for row in record.history:
                self._append(row)
        elif isinstance(record, EpochDone):
            self._append(record)

    def _append(self, row: EpochDone) -> None:
        with self._path.open("a", newline="", encoding="utf-8") as file:
            cells = row.cells()
            csv.writer(file).writerow("" if (value := cells.get(name)) is None else value for name in self._columns)

    def close(self) -> None:
        """Nothing is held open."""


class JsonHistory:
    """The same by column: name -> one value an epoch, null where there is none; written aside after every epoch."""

    def __init__(self, path: Path, layout: TaskLayout) -> None:
        self._path = path
        self._rows: dict[str, list[int | float | str | None]] = {name: [] for name in columns(layout)}

    def __call__(self, record: Record) -> None:
        """Write epochs as they come."""
        rows = record.history if isinstance(record, Started) else [record] if isinstance(record, EpochDone) else []
        for row in rows:
            cells = row.cells()
            for name, values in self._rows.items():
                values.append(_finite(cells.get(name)))
        if rows:
            aside = self._path.with_name(f".{self._path.name}.partial")
            write_json(aside, self._rows)
            aside.replace(self._path)

    def close(self) -> None:
        """Nothing is held open."""


def _finite(value: float | str | None) -> float | str | None:
    """What JSON has a word for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


CLASS_FIGURES = ("support", "trained", "precision", "recall", "f1", "average_precision")
CLASS_COLUMNS = ("epoch", "weights", "task", "class", *CLASS_FIGURES)
"""Of class_history.csv."""
_PLACES = 6
"""Of a share, which is far below what one image more or less makes of it."""


class CsvClasses:
    """One row for each class, of each of the weights, in each epoch.

    Checkpoints remember none of it, so on resume the rows of epochs that are to be trained again are cut off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, record: Record) -> None:
        """Write classes as they come."""
        if isinstance(record, Started):
            self._cut({str(row.epoch) for row in record.history})
        elif isinstance(record, ClassesDone):
            with self._path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(_class_cells(record))

    def _cut(self, done: set[str]) -> None:
        """Leave the rows of these epochs. The last may be half a row; written aside, for it can't be made anew."""
        kept: list[list[str]] = []
        if done and self._path.is_file():
            with self._path.open(newline="", encoding="utf-8", errors="replace") as file:
                kept = [row for row in csv.reader(file) if len(row) == len(CLASS_COLUMNS) and row[0] in done]
        aside = self._path.with_name(f".{self._path.name}.partial")
        with aside.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([CLASS_COLUMNS, *kept])
        aside.replace(self._path)

    def close(self) -> None:
        """Nothing is held open."""


def _class_cells(record: ClassesDone) -> Iterator[list[int | float | str]]:
    for weights, tasks in record.validation.items():
        for task, rows in tasks.items():
            for row in rows:
                figures = (getattr(row, name) for name in CLASS_FIGURES)
                cells = ("" if value is None else round(value, _PLACES) for value in figures)
                yield [record.epoch, weights, task, row.name, *cells]


AVERAGE_SCORES = tuple(dict.fromkeys(("loss", *SCORES, *LABEL_SCORES)))
AVERAGE_COLUMNS = ("weights", "epochs", "alpha", *AVERAGE_SCORES, "kept")
"""Of averages.csv."""


class CsvAverages:
    """One row for each set of weights that could be chosen at the end, where there was any beside the raw ones."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, record: Record) -> None:
        """Write all at once, when training has ended."""
        if isinstance(record, AveragesDone) and record.rows:
            with self._path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([AVERAGE_COLUMNS, *map(_average_cells, record.rows)])

    def close(self) -> None:
        """Nothing is held open."""


def _average_cells(row: AverageScored) -> list[int | float | str]:
    found = (row.scores.get(name) for name in AVERAGE_SCORES)
    figures: list[float | str] = ["" if value is None else value for value in found]
    alpha = "" if row.alpha is None else row.alpha
    return [row.weights, " ".join(map(str, row.epochs)), alpha, *figures, int(row.kept)]


class TensorBoard:
    """Every figure of an epoch as a scalar over steps."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def __call__(self, record: Record) -> None:
        """Write epochs as they come; on resume, later ones of the interrupted run are purged."""
        if isinstance(record, Started):
            self._writer = _open(self._folder, record.step + 1)
        elif isinstance(record, EpochDone) and self._writer is not None:
            for name, value in record.cells().items():
                if isinstance(value, int | float) and name != "step":
                    part, _, what = name.partition("_")
                    tag = f"{part}/{what}" if part in ("train", *PREFIXES.values()) else f"run/{name}"
                    self._writer.add_scalar(tag, value, record.step)
            self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()


def _open(folder: Path, purge_step: int) -> "SummaryWriter":
    from torch.utils.tensorboard.writer import SummaryWriter  # a second's import, for runs alone

    return SummaryWriter(str(folder), purge_step=purge_step)
