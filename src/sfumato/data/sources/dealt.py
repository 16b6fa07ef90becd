"""Folds and parts that were dealt elsewhere: a table of ids beside the data, which takes precedence over it."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from sfumato.data.sources.files import READERS, read_rows
from sfumato.data.table import UNUSED, Table
from sfumato.errors import InputError

SETTING = "data.dealt"


def with_dealt(table: Table, path: Path) -> Table:
    """The samples with the folds and parts of a file; those that it does not name are unused.

    Args:
        table: As its source gives it.
        path: With a column `id` and `fold`, `part` or both; an empty cell says nothing.

    Raises:
        InputError: No such file, none of these columns, an id twice, or no id of the data.
    """
    dealt = _read(path)
    there = table.rows.select("id").join(dealt.select("id"), on="id", how="semi")
    if not len(there):
        what = f"none of its ids, such as {dealt['id'][0]!r}, is one of the data"
        raise InputError(what, where=str(path), setting=SETTING, expected=f"ids such as {table.rows['id'][0]!r}")
    known = pl.col("id").is_in(there["id"].to_list())
    columns = [name for name in ("fold", "part") if name in dealt.columns]
    rows = table.rows.drop(columns).join(dealt, on="id", how="left", maintain_order="left")
    rows = rows.with_columns(pl.when(known).then("part").otherwise(pl.lit(UNUSED)).alias("part"))
    left = len(table) - len(there)
    note = f"{SETTING}: {' and '.join(columns)} of {path.name}" + (f"; {left} samples are not in it" if left else "")
    return replace(table, rows=rows.select(table.rows.columns), notes=(*table.notes, note))


def _read(path: Path) -> pl.DataFrame:
    """(id, fold, part) as far as they are there, empty cells null."""
    if not path.is_file() or path.suffix.lower() not in READERS:
        expected = f"a file ending in {', '.join(READERS)}"
        raise InputError("no such table", where=str(path), setting=SETTING, expected=expected)
    frame = read_rows(path)
    columns = [name for name in ("id", "fold", "part") if name in frame.columns]
    if "id" not in columns or len(columns) < 2:
        raise InputError("no column id, or neither fold nor part", where=str(path), setting=SETTING)
    doubled = frame["id"].filter(frame["id"].is_duplicated())
    if len(doubled):
        raise InputError(f"id {doubled[0]!r} stands there twice", where=str(path), setting=SETTING)
    return frame.select(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in columns)
