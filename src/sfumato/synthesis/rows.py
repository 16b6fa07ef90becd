"""The rows of a source as they were written, and the same rows with copies, for a table that `data.source` takes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import polars as pl

from sfumato.data.columns import find_roles
from sfumato.data.source import DataSpec
from sfumato.data.sources.files import read_rows
from sfumato.data.table import Table
from sfumato.errors import InputError

SYNTHETIC, COPY_OF, SAYS = "synthetic", "copy_of", "title_says"
"""Columns that are added: whether anything was drawn, the id of the sample it was drawn onto, and what a title says."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class SourceRows:
    """The rows of a source, and the names of the columns that copies change."""

    frame: pl.DataFrame
    """Columns as the source has them; a column of ids and one of pictures are added where it has none."""
    id: str
    image: str
    split: str


def source_rows(data: DataSpec, table: Table) -> SourceRows:
    """The rows of the samples of a table that was read, in its order.

    Args:
        data: Says how the table was read.
        table: Its samples.

    Raises:
        InputError: A sample of several pictures, or a column that has one of the names that are added.
    """
    _refuse_several(table)
    path = Path(data.given).expanduser()
    if not path.is_file():
        frame = table.rows.select("id", *(pl.col(task.column).alias(task.name) for task in table.tasks))
        return SourceRows(frame.with_columns(table.rows["images"].list.first().alias("path")), "id", "path", "split")
    raw = read_rows(path)
    roles = find_roles(raw, data.columns, path)
    added = next((name for name in (SYNTHETIC, COPY_OF, SAYS) if name in raw.columns), None)
    if added is not None:
        what = f"has a column {added!r} already, which is added"
        raise InputError(what, where=str(path), expected="a table that nothing was drawn for")
    id_, image = roles.single.get("id", "id"), roles.image or "path"
    if "id" not in roles.single:
        raw = raw.with_columns(raw[cast(str, roles.image)].alias(id_))
    where = table.rows.select(pl.col("id").alias(id_), pl.col("images").list.first().alias("__picture"))
    frame = where.join(raw, on=id_, how="left", maintain_order="left").with_columns(pl.col("__picture").alias(image))
    return SourceRows(frame.drop("__picture"), id_, image, roles.single.get("split", "split"))


def write_rows(target: Path, rows: Iterable[Row]) -> None:
    """One JSON object a line; what is not known is left out of its line."""
    lines = (
        json.dumps({name: value for name, value in row.items() if value is not None}, ensure_ascii=False)
        for row in rows
    )
    target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _refuse_several(table: Table) -> None:
    several = table.rows.filter(pl.col("images").list.len() != 1)
    if len(several):
        count, id_ = several["images"].list.len()[0], several["id"][0]
        expected = "one picture a sample"
        raise InputError(f"sample {id_!r} has {count} pictures", where=table.source, expected=expected)
