"""Labelled data as a bundle sees it: its questions, its classes, whatever the data calls them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.data.source import read_table
from sfumato.data.table import Table, Task
from sfumato.errors import InputError, nearest_name
from sfumato.labels import LabelSpace
from sfumato.recipe.given_data import load_given_data
from sfumato.tasks import TaskLayout


@dataclass(frozen=True)
class Samples:
    """What is to be decided on, and measured as far as it is labelled."""

    table: Table
    """With the tasks and classes of the bundle."""
    unknown: dict[str, int]
    """Class that the bundle does not know -> samples of it, which are left out."""
    notes: tuple[str, ...]


def read_samples(
    data: str, layout: TaskLayout, settings: Mapping[str, Any], part: str | None = None, *, skip_unknown: bool = False
) -> Samples:
    """Read any source that a recipe takes.

    Args:
        data: As `data.source`.
        layout: Of the bundle.
        settings: Recipe path -> value, all below `data`.
        part: Only the samples in this part of the data's own split; None = all.
        skip_unknown: Leave samples of classes out that the bundle does not know.

    Raises:
        InputError: No such data; other questions or classes than the bundle's; no labelled sample is left.
    """
    if layout.several and Path(data).is_file():
        settings = {"data.columns.label": list(layout.spaces), **settings}
    loaded = load_given_data(data, settings, texts=True)
    with loaded.located():
        table = read_table(loaded.recipe.data)
    notes, table = _of_part(table, part, data)
    asked = _tasks(table, layout, data)
    unknown: dict[str, int] = {}
    answers = [_answers(table, task, space, unknown) for task, space in asked]
    if unknown and not skip_unknown:
        raise _unknown(unknown, len(table), asked, data)
    table = _with_answers(table, [task for task, _ in asked], answers)
    if layout.multilabel:
        unsure = _answer_lists(table.rows["unsure"], layout.labels, {})  # of one it lacks there is nothing to know
        table = replace(table, rows=table.rows.with_columns(unsure))
    if not any(len(table.rows[task.column].drop_nulls()) for task in table.tasks):
        raise InputError("no sample of a class that the bundle knows", where=data)
    return Samples(table, unknown, (*table.notes, *notes, *_missing(table)))


def _of_part(table: Table, part: str | None, data: str) -> tuple[list[str], Table]:
    there = {str(name): count for name, count in table.rows.drop_nulls("part")["part"].value_counts().iter_rows()}
    if part is None:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(there.items()))
        return ([f"the data has parts ({counts}): all are measured; --part takes one"] if there else []), table
    if part not in there:
        expected = f"one of {', '.join(sorted(there))}" if there else "no --part: the data names no parts"
        raise InputError(f"no sample in a part {part!r}", where=data, expected=expected)
    return [], table.part(part)


def _tasks(table: Table, layout: TaskLayout, data: str) -> list[tuple[Task, LabelSpace]]:
    """The data's questions in the bundle's order, each with the bundle's classes."""
    if not layout.several:
        if table.task.many and not layout.multilabel:
            what, expected = "several classes a sample, and a bundle that names one", "one class a sample"
            raise InputError(what, where=data, expected=expected)
        return [(Task(table.task.column, layout.labels, layout.multilabel), layout.labels)]
    named = {task.name: task for task in table.questions}
    if set(named) != set(layout.spaces):
        found, expected = ", ".join(named), f"a table with the columns {', '.join(layout.spaces)}"
        raise InputError(f"label columns {found}, and a bundle of several tasks", where=data, expected=expected)
    return [(Task(named[name].column, space), space) for name, space in layout.spaces.items()]


def _answers(table: Table, task: Task, space: LabelSpace, unknown: dict[str, int]) -> pl.Series:
    """The bundle's id of each sample's class; null where it is not known, those that it lacks being counted."""
    column = table.rows[task.column]
    if task.many:
        return _answer_lists(column, space, unknown)
    names = {name: space.find(name) for name in column.drop_nulls().unique().sort().to_list()}
    for name, count in column.value_counts().sort(task.column).iter_rows():
        if name is not None and names[name] is None:
            unknown[name] = unknown.get(name, 0) + count
    return column.replace_strict(names, default=None, return_dtype=pl.String)


def _answer_lists(column: pl.Series, space: LabelSpace, unknown: dict[str, int]) -> pl.Series:
    """The same of lists of classes; a column of one class a sample is one of lists of one."""
    lists = (
        column
        if isinstance(column.dtype, pl.List)
        else pl.select(pl.when(column.is_not_null()).then(pl.concat_list(column))).to_series()
    )
    said = lists.explode().drop_nulls()
    names = {name: space.find(name) for name in said.unique().sort().to_list()}
    for name, count in said.value_counts().sort(said.name).iter_rows():
        if names[name] is None:
            unknown[name] = unknown.get(name, 0) + count
    known = pl.element().replace_strict(names, default=None, return_dtype=pl.String).drop_nulls()
    return lists.list.eval(known).alias(column.name) if names else lists.alias(column.name)


def _unknown(unknown: dict[str, int], samples: int, asked: list[tuple[Task, LabelSpace]], data: str) -> InputError:
    names = list(unknown)
    shown = ", ".join(f"{name!r} ({unknown[name]})" for name in names[:3]) + (" ..." if len(names) > 3 else "")
    spellings = [spelling for _, space in asked for label in space.labels for spelling in label.spellings]
    what = f"{sum(unknown.values())} of {samples} samples are of classes that the bundle does not know: {shown}"
    known = ", ".join(spellings[:8]) + (" ..." if len(spellings) > 8 else "")
    nearest = nearest_name(names[0], spellings)
    return InputError(what, where=data, expected=known, nearest=nearest, mend="--skip-unknown leaves them out")


def _with_answers(table: Table, tasks: list[Task], answers: list[pl.Series]) -> Table:
    """The table with the bundle's names; a sample that had answers, and none that the bundle knows, is left out."""
    columns = [task.column for task in tasks]
    had = pl.any_horizontal(table.rows[column].is_not_null() for column in columns)
    rows = table.rows.with_columns(answers).with_columns(had.alias("__had"))
    kept = rows.filter(~pl.col("__had") | pl.any_horizontal(pl.col(column).is_not_null() for column in columns))
    return replace(table, rows=kept.drop("__had"), tasks=tuple(tasks))


def _missing(table: Table) -> list[str]:
    """A note on classes of the bundle without a sample."""
    notes: list[str] = []
    for name, space in table.layout.spaces.items():
        counts = table.only(name).class_counts if len(table.layout.spaces) > 1 else _counts(table)
        none = [label for label, count in zip(space.names, counts.tolist(), strict=True) if not count]
        if none:
            of, shown = f" of {name}" if name else "", ", ".join(none[:5]) + (" ..." if len(none) > 5 else "")
            notes.append(f"{len(none)} of the bundle's {len(space)} classes{of} have no image here: {shown}")
    return notes


def _counts(table: Table) -> NDArray[np.int64]:
    return replace(table, rows=table.rows.drop_nulls(table.task.column)).class_counts
