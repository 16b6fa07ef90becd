"""The samples that choose among soups, and those that measure the one that was chosen: no run has trained on either."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from sfumato.console import Console
from sfumato.data.columns import ColumnsSpec
from sfumato.data.health.usable import leave_out_bad
from sfumato.data.pictures import Pictures
from sfumato.data.same_pictures import shared
from sfumato.data.source import DataSpec, read_table
from sfumato.data.table import Table, Task
from sfumato.errors import InputError, nearest_name
from sfumato.soups.ingredients import RunIngredient


@dataclass(frozen=True)
class SoupSamples:
    """What a soup is chosen by and measured on; either may be empty."""

    choosing: Table
    origin: str
    """Where those that choose come from, in words."""
    test: Table
    """In the test part of every run, and not among those that choose."""


def find_samples(
    runs: Sequence[RunIngredient], choose_on: str | Path | None, *, uniform: bool, pictures: Pictures, console: Console
) -> SoupSamples:
    """The samples for a soup of runs.

    Args:
        runs: Of one make.
        choose_on: A folder or table of labelled samples; None = the val part that the runs have in common.
        uniform: Whether nothing is to be chosen, so that there need not be any.
        pictures: Keeps what is decoded meanwhile.
        console: Shows progress.

    Raises:
        InputError: There is no sample that can choose, or one of `choose_on` was trained on.
    """
    test = _common(runs, "test")
    if choose_on is not None:
        choosing = _given(runs, choose_on, pictures, console)
        return SoupSamples(choosing, Path(choose_on).name, test.without(shared(test, [choosing])))
    choosing = _common(runs, "val")
    if not len(choosing) and not uniform:
        raise InputError(
            "no sample can choose: none stands in the val part of every run, and what one held out, others trained on",
            expected="--choose-on with labelled samples that no run trained on, or --uniform to take all runs unchosen",
        )
    return SoupSamples(choosing, "the val part of every run", test)


def _common(runs: Sequence[RunIngredient], part: str) -> Table:
    """The samples that stand in a part of every run."""
    first = runs[0].table.part(part)
    rows = first.rows
    for run in runs[1:]:
        rows = rows.join(run.table.part(part).rows, on=["id", "images"], how="semi", maintain_order="left")
    return replace(first, rows=rows)


def _given(runs: Sequence[RunIngredient], source: str | Path, pictures: Pictures, console: Console) -> Table:
    """Labelled samples from outside, none of which any run trained on."""
    table = read_table(_data_spec(runs[0], Path(source)))
    _refuse_other_questions(table, runs[0].table)
    table, bad = leave_out_bad(table, pictures, console.stage("looking at every image"))
    table = replace(table, tasks=runs[0].table.tasks)  # of whose classes it may lack some
    if len(bad):
        console.line(f"[dim]{len(bad)} samples of {source} can't be used, such as {bad['id'][0]}[/]")
    seen = shared(table, [run.table.part("train") for run in runs])
    if seen:
        many = f"{len(seen)} of its {len(table)} samples were trained on, such as {seen[0]!r}"
        raise InputError(many, where=str(source), expected="samples that no run trained on")
    return table


def _data_spec(run: RunIngredient, source: Path) -> DataSpec:
    """A source read as the run's own data were, as far as it is of their kind."""
    data = run.recipe.data
    named = data.columns
    columns = ColumnsSpec(image=named.image, label=named.label, separator=named.separator, id=named.id)
    kept = columns if source.is_file() and Path(data.given).is_file() else ColumnsSpec()
    return DataSpec(source=str(source), columns=kept, labels=data.labels)


def _refuse_other_questions(table: Table, wanted: Table) -> None:
    """Refuse label columns and classes that a run's table has not."""
    columns, expected = ([task.column for task in one.tasks] for one in (table, wanted))
    if columns != expected:
        names = ", ".join(task.name for task in wanted.tasks)
        raise InputError("other label columns than the runs'", where=table.source, expected=names)
    for task in wanted.tasks:
        _refuse_unknown(table, task)


def _refuse_unknown(table: Table, task: Task) -> None:
    names = task.labels.names
    unknown = table.rows.filter(~pl.col(task.column).is_in(names))[task.column].drop_nulls()
    if len(unknown):
        name = str(unknown[0])
        raise InputError(
            f"class {name!r}, which the runs do not know", where=table.source, nearest=nearest_name(name, names)
        )
