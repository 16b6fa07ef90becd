"""Paths that were written on Windows, in a table that is read elsewhere."""

import os
from pathlib import Path
from typing import cast

import polars as pl


def with_slashes(cells: pl.Series, folder: Path) -> tuple[pl.Series, list[str]]:
    r"""The paths with `/` for `\`, if the first that has one names a file only so; and the note that says it.

    Args:
        cells: (N) paths; lists of paths are left as they are.
        folder: What relative ones are relative to.
    """
    if os.sep != "/" or cells.dtype != pl.String:
        return cells, []
    odd = cells.filter(cells.str.contains("\\", literal=True).fill_null(value=False))
    if not len(odd):
        return cells, []
    first = cast(str, odd[0])
    if (folder / first).exists() or not (folder / first.replace("\\", "/")).exists():
        return cells, []
    note = f"data.columns.image: \\ is read as /, since {first!r} is there only so"
    return cells.str.replace_all("\\", "/", literal=True), [note]
