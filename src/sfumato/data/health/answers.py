"""The classes of samples by the names they are shown by, whatever the number of questions a table asks."""

import polars as pl

from sfumato.data.table import Table, Task

PREFIX = "label."
"""Of the label columns, where there are several."""


def class_names(table: Table) -> pl.DataFrame:
    """One row a class of a question: `task`, the question's column, and `label`, the class as it is shown."""
    rows = [(task.column, shown) for task in table.tasks for shown in _shown(table, task, task.labels.names)]
    return pl.DataFrame(rows, schema={"task": pl.String, "label": pl.String}, orient="row")


def answers(table: Table) -> pl.DataFrame:
    """One row a class of a sample: `id`, `task`, `label` as in `class_names`; unknown ones have none."""
    frames = [_answers(table, task).drop_nulls("label") for task in table.tasks]
    return pl.concat(frames)


def label_of(table: Table) -> pl.DataFrame:
    """One row a sample: `id`, and `label`, all its classes in one text; null where none is known."""
    ordered = answers(table).sort("task", "label")
    joined = ordered.group_by("id", maintain_order=True).agg(pl.col("label").str.join(" + "))
    sure = pl.col("unsure").list.len().fill_null(0) == 0
    none_holds = [sure & (pl.col(task.column).list.len() == 0) for task in table.tasks if task.many]
    rows = table.rows.select("id", pl.any_horizontal(pl.lit(value=False), *none_holds).alias("empty"))
    text = pl.when(pl.col("label").is_null() & pl.col("empty")).then(pl.lit("none of them")).otherwise("label")
    return rows.join(joined, on="id", how="left").select("id", text.alias("label"))


def _answers(table: Table, task: Task) -> pl.DataFrame:
    rows = table.rows.select("id", pl.lit(task.column).alias("task"), pl.col(task.column).alias("label"))
    rows = rows.explode("label") if task.many else rows
    return rows.with_columns(label=pl.lit(_before(table, task)) + pl.col("label"))


def _shown(table: Table, task: Task, names: tuple[str, ...]) -> list[str]:
    return [f"{_before(table, task)}{name}" for name in names]


def _before(table: Table, task: Task) -> str:
    return f"{task.column.removeprefix(PREFIX)}: " if len(table.tasks) > 1 else ""
