"""The table: what every data source becomes. One row a sample, in the order of ids; pictures stay where they are."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.errors import InputError, nearest_name
from sfumato.labels import LabelSpace
from sfumato.predictions import UNKNOWN
from sfumato.shown import PictureUse
from sfumato.tasks import TaskLayout

PARTS = ("train", "val", "test")
"""train fits the weights; val chooses (best weights, temperature, thresholds); test is only ever measured."""

UNUSED = "unused"
"""Part of samples that a split leaves aside, such as those later than the validation samples of a fold by time."""

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "images": pl.List(pl.String()),  # addresses: an absolute path, or FILE.parquet::COLUMN/ROW; empty = no picture
    "text": pl.String(),  # cleaned and joined; "" = none
    "group": pl.String(),  # samples of one group stay on one side of every split; null = a group of its own
    "time": pl.Float64(),  # seconds since 1970, or whatever number the data orders its samples by; null = unknown
    "unsure": pl.List(pl.String()),  # where several classes may hold: those not known to; null or empty = none
    "stratum": pl.String(),  # samples are split evenly within each (label, stratum); null where not asked for
    "cluster": pl.String(),  # near-duplicates of each other; null = of none
    "fold": pl.String(),  # as the data gives it, or as it was dealt
    "part": pl.String(),  # one of PARTS or UNUSED; null = not yet decided
    "reason": pl.String(),  # why it is in its part; null = not yet decided
}
"""Columns beside the label columns, which the tasks name."""


@dataclass(frozen=True)
class Task:
    """One question about every sample: its column, its classes, and whether several may hold at once."""

    column: str
    """Column of the table: String, a class's id, null = unknown; or List(String) where `many`, [] = none holds."""
    labels: LabelSpace
    many: bool = False
    """Whether a sample may have several classes."""

    @property
    def name(self) -> str:
        """What people call it: its column, as the data names it where there are several."""
        return self.column.removeprefix("label.")


@dataclass(frozen=True)
class Table:
    """N samples with the classes they may have."""

    rows: pl.DataFrame
    """(N rows) with the columns of SCHEMA and those of the tasks, sorted by id."""
    tasks: tuple[Task, ...]
    notes: tuple[str, ...] = ()
    """What was chosen while reading, each with its reason."""
    source: str = field(default="", compare=False)
    """Names the source in errors."""
    pictures: PictureUse = "first"
    """Which of several pictures of a sample are shown."""

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, name: str) -> "Table":
        """The samples of one of PARTS."""
        return replace(self, rows=self.rows.filter(pl.col("part") == name))

    def without(self, ids: list[str]) -> "Table":
        """The samples whose id is not in `ids`."""
        return replace(self, rows=self.rows.filter(~pl.col("id").is_in(ids)))

    @cached_property
    def answered(self) -> "Table":
        """The samples with an answer to any of the tasks: no other can train or measure."""
        return replace(
            self, rows=self.rows.filter(pl.any_horizontal(pl.col(t.column).is_not_null() for t in self.tasks))
        )

    def only(self, name: str) -> "Table":
        """The samples with an answer to one of several tasks, without the others; the table itself for an only task."""
        if not name:
            return self
        task = self.question(name)
        others = [other.column for other in self.tasks if other is not task]
        rows = self.rows.filter(pl.col(task.column).is_not_null()).drop(others)
        return replace(self, rows=rows, tasks=(task,))

    @cached_property
    def questions(self) -> tuple[Task, ...]:
        """The tasks: several with one answer a sample, or none; or one, with any number of answers.

        Raises:
            InputError: Several tasks, one of which has several answers a sample.
        """
        many = next((task for task in self.tasks if task.many), None)
        if many is not None and len(self.tasks) > 1:
            raise InputError(
                f"several classes a sample in {many.name!r}, one of {len(self.tasks)} label columns",
                where=self.source,
                expected="such a column alone, or columns of one class a sample",
                mend="name one of them in data.columns.label",
            )
        return self.tasks

    def question(self, name: str | None) -> Task:
        """The task of a name; None = the first.

        Raises:
            InputError: There is none of that name.
        """
        names = [task.name for task in self.questions]
        if name is not None and name not in names:
            raise InputError(
                f"no label column {name!r}", expected=f"one of {', '.join(names)}", nearest=nearest_name(name, names)
            )
        return self.questions[names.index(name) if name is not None else 0]

    @cached_property
    def task(self) -> Task:
        """The only question of this table.

        Raises:
            InputError: Several questions.
        """
        if len(self.tasks) != 1:
            names = ", ".join(task.name for task in self.tasks)
            raise InputError(
                f"{len(self.tasks)} label columns ({names}), and a model that answers one",
                where=self.source,
                expected="data.columns.label naming one of them",
            )
        return self.questions[0]

    @cached_property
    def layout(self) -> TaskLayout:
        """The tasks with their classes, as a model answers them."""
        if len(self.tasks) == 1:
            return TaskLayout({"": self.labels}, multilabel=self.task.many)
        return TaskLayout({task.name: task.labels for task in self.questions})

    @property
    def labels(self) -> LabelSpace:
        """The classes of the only task."""
        return self.task.labels

    @property
    def ids(self) -> list[str]:
        """N sample ids."""
        return cast(list[str], self.rows["id"].to_list())

    @property
    def first_images(self) -> list[str | None]:
        """N addresses: each sample's first picture, None where it has none."""
        return cast(list[str | None], self.rows["images"].list.first().to_list())

    @cached_property
    def texts(self) -> tuple[str, ...] | None:
        """N texts, "" = none; None where the model reads none, or the data has none."""
        texts = self.rows["text"]
        return None if texts.null_count() else tuple(cast(list[str], texts.to_list()))

    def with_texts(self, texts: list[str]) -> "Table":
        """The same samples with other texts, N of them."""
        return replace(self, rows=self.rows.with_columns(pl.Series("text", texts, dtype=pl.String)))

    def read(self, *, texts: bool, pictures: PictureUse = "first") -> "Table":
        """The samples as a model takes them: with their texts, "" where there is none, or without any.

        Args:
            texts: Whether the model reads texts.
            pictures: Which of several pictures of a sample it is shown.

        Raises:
            InputError: No text at all, where they are asked for.
        """
        if texts and not (self.rows["text"].fill_null("") != "").any():
            empty = self.rows["text"].null_count() < len(self.rows)
            what = f"no {'sample has a text' if empty else 'texts'}, and a model that reads them"
            raise InputError(what, where=self.source, expected="a table with a column such as title or text")
        column = pl.col("text").fill_null("") if texts else pl.lit(None, pl.String).alias("text")
        rows = self.rows.with_columns(column)
        if pictures == "none":
            rows = rows.with_columns(pl.lit([], dtype=pl.List(pl.String)).alias("images"))
        return replace(self, rows=rows, pictures=pictures)

    @property
    def targets(self) -> NDArray[np.int64]:
        """(N,) class indices of the only task; every sample must have a label."""
        return self.targets_of(self.task)

    def targets_of(self, task: Task) -> NDArray[np.int64]:
        """(N,) class indices of one of the tasks; UNKNOWN where a sample has no answer to it."""
        index = {name: i for i, name in enumerate(task.labels.names)}
        codes = self.rows[task.column].replace_strict(index, return_dtype=pl.Int64).fill_null(UNKNOWN)
        return codes.to_numpy().astype(np.int64)

    def drawn_by(self, name: str | None) -> NDArray[np.int64]:
        """(N,) class indices that draws go by, of the task of a name; None = the first.

        All UNKNOWN where a sample may be of several classes: nothing is balanced there.
        """
        task = self.question(name)
        return np.full(len(self), UNKNOWN) if task.many else self.targets_of(task)

    @cached_property
    def answers(self) -> NDArray[np.int64]:
        """(N, T) class indices of each task; UNKNOWN where a sample has no answer.

        Where a sample may be of any number of classes, (N, C): as `membership` has it.
        """
        if self.layout.multilabel:
            return self.membership
        return np.stack([self.targets_of(task) for task in self.questions], axis=1)

    @cached_property
    def membership(self) -> NDArray[np.int64]:
        """(N, C) 1 where a sample is of a class of the only task, 0 where not, UNKNOWN where that is not known."""
        column = self.rows[self.task.column]
        found = np.zeros((len(self), len(self.labels)), dtype=np.int64)
        found[self._places(column)] = 1
        found[self._places(self.rows["unsure"])] = UNKNOWN
        found[column.is_null().to_numpy()] = UNKNOWN
        return found

    def _places(self, lists: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and class of every entry of (N,) lists of names."""
        index = {name: i for i, name in enumerate(self.labels.names)}
        rows = pl.DataFrame({"row": np.arange(len(self)), "name": lists}).explode("name").drop_nulls("name")
        classes = rows["name"].replace_strict(index, return_dtype=pl.Int64)
        return rows["row"].to_numpy().astype(np.int64), classes.to_numpy().astype(np.int64)

    @property
    def of_none(self) -> NDArray[np.bool_]:
        """(N,) whether a sample is known to be of no class of the only task, where it may be of several."""
        return (self.membership == 0).all(axis=1)

    @property
    def class_counts(self) -> NDArray[np.int64]:
        """(C,) samples of each class of the only task; those without an answer count for none."""
        if self.task.many:
            return (self.membership == 1).sum(axis=0)
        return np.bincount(self.targets[self.targets != UNKNOWN], minlength=len(self.labels))

    @cached_property
    def counts(self) -> dict[str, NDArray[np.int64]]:
        """Task of the layout -> (C,) samples of each of its classes."""
        return {name: self.only(name).class_counts for name in self.layout.spaces}


def make_table(
    frame: pl.DataFrame,
    tasks: tuple[Task, ...],
    where: str,
    notes: tuple[str, ...] = (),
) -> Table:
    """Bring the columns of a source into the order and types of SCHEMA; those not given are null.

    Args:
        frame: At least `id`, `images` and the columns of the tasks.
        tasks: The questions its label columns answer.
        where: Names the source in errors.
        notes: What the source chose, each with its reason.

    Raises:
        InputError: No sample, a doubled or empty id, no label, or a single class.
    """
    if not len(frame):
        raise InputError("no sample in it", where=where)
    _refuse_doubled(frame["id"], where)
    for task in tasks:
        _refuse_one_class(frame[task.column], task, where)
    missing = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in frame.columns]
    rows = frame.with_columns(missing).select(*SCHEMA, *(task.column for task in tasks))
    return Table(rows.cast({**SCHEMA}).sort("id"), tasks, notes, where)


def _refuse_doubled(ids: pl.Series, where: str) -> None:
    if ids.null_count():
        raise InputError(f"{ids.null_count()} rows have no id", where=where, expected="an id for every sample")
    doubled = ids.filter(ids.is_duplicated())
    if len(doubled):
        raise InputError(
            f"id {doubled[0]!r} stands in {int((doubled == doubled[0]).sum())} rows",
            where=where,
            expected="an id of its own for every sample",
        )


def _refuse_one_class(labels: pl.Series, task: Task, where: str) -> None:
    names = sorted((labels.explode() if task.many else labels).drop_nulls().unique().to_list())
    if len(names) < (1 if task.many else 2):
        found = f"only one class, {names[0]!r}" if names else "no label at all"
        raise InputError(found, where=where, expected="at least two classes")
