"""Pictures that lie inside a Parquet file: an address each, read from there when they are wanted."""

import re
from functools import lru_cache
from pathlib import Path

import polars as pl

_ADDRESS = re.compile(r"(?s)(?P<file>.*\.parquet)::(?P<column>.+)/(?P<row>[0-9]+)")
_ROWS = 64
"""Rows read at once: neighbours are mostly wanted together, and a row group must be unpacked for one anyway."""


def address(path: Path, column: str, row: pl.Expr) -> pl.Expr:
    """`FILE::COLUMN/ROW` for every row."""
    return pl.format(f"{str(path).replace('{', '{{').replace('}', '}}')}::{column}/{{}}", row)


def source_of(text: str) -> Path | bytes:
    """What an address stands for: the path of a file, or the bytes of a picture inside a Parquet file.

    Raises:
        OSError: No address, or the Parquet file can't be read any more.
    """
    if not text:
        raise FileNotFoundError
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return Path(text)
    row = int(found["row"])
    rows = _read(found["file"], found["column"], row // _ROWS)
    return (rows[row % _ROWS] if row % _ROWS < len(rows) else None) or b""


def is_inside(text: str) -> bool:
    """Whether an address is that of a picture inside a Parquet file."""
    return _ADDRESS.fullmatch(text) is not None


def file_of(text: str) -> Path:
    """The file that holds what an address stands for."""
    found = _ADDRESS.fullmatch(text)
    return Path(found["file"] if found else text)


@lru_cache(maxsize=8)
def _read(file: str, column: str, block: int) -> list[bytes | None]:
    frame = pl.scan_parquet(file).select(column).slice(block * _ROWS, _ROWS).collect()
    values = frame[column]
    return (values.struct.field("bytes") if isinstance(values.dtype, pl.Struct) else values).to_list()
