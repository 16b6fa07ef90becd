"""A table on disk: whole as Parquet, which the program reads back; as CSV, which a person reads."""

import json
from pathlib import Path
from typing import Any, cast

import polars as pl
from polars.exceptions import PolarsError

from sfumato.data.table import SCHEMA, Table, Task
from sfumato.errors import InputError
from sfumato.labels import LabelSpace


def write_table(path: Path, table: Table) -> None:
    """Write all of a table to a Parquet file."""
    tasks = [{"column": task.column, "many": task.many, "labels": task.labels.to_yaml()} for task in table.tasks]
    about = {"tasks": tasks, "notes": table.notes, "pictures": table.pictures, "source": table.source}
    table.rows.write_parquet(path, metadata={"sfumato": json.dumps(about, ensure_ascii=False)})


def load_table(path: Path) -> Table:
    """Read back what `write_table` wrote.

    Raises:
        InputError: No such file, or it is damaged.
    """
    if not path.is_file():
        raise InputError("missing", where=str(path), expected="a run's folder")
    try:
        rows = pl.read_parquet(path)
        new = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in rows.columns]
        rows = rows.with_columns(new)  # a run of before there were such
        about = cast(dict[str, Any], json.loads(pl.read_parquet_metadata(path)["sfumato"]))
        tasks = tuple(_task(one, str(path)) for one in about["tasks"])
        return Table(rows, tasks, tuple(about["notes"]), str(about["source"]), about.get("pictures", "first"))
    except (PolarsError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"damaged: {' '.join(str(error).split())[:200]}", where=str(path)) from None


def split_rows(table: Table) -> pl.DataFrame:
    """For every sample: where it is, and why; lists joined by `|`, with `?` before a class that is not known."""
    unsure = pl.col("unsure").fill_null([]).list.eval(pl.lit("?") + pl.element())
    tasks = [
        pl.col(task.column).list.concat(unsure).list.join("|") if task.many else pl.col(task.column)
        for task in table.tasks
    ]
    columns = [
        pl.col("id"),
        pl.col("images").list.join("|").alias("image"),
        *tasks,
        "group",
        "cluster",
        "fold",
        "part",
        "reason",
    ]
    return table.rows.select(columns)


def _task(about: dict[str, Any], where: str) -> Task:
    return Task(str(about["column"]), LabelSpace.from_yaml(str(about["labels"]), where), bool(about["many"]))
