"""Table files as they are: rows of texts, or of lists of texts; what they mean is said elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import polars as pl
from polars.exceptions import PolarsError

from sfumato.data.shards import address
from sfumato.data.sources.delimited import line_of_row, read_delimited
from sfumato.data.sources.text_file import text_of
from sfumato.errors import InputError


def read_rows(path: Path) -> pl.DataFrame:
    """Read a .csv, .tsv, .jsonl or .parquet file; every column is String, or List(String) where cells hold lists.

    Pictures inside a Parquet file stay there: their column becomes their addresses.

    Raises:
        InputError: Unreadable, not UTF-8, a column named twice, no row.
    """
    frame = READERS[path.suffix.lower()](path)
    if not len(frame):
        raise InputError("no row in it", where=str(path), expected="a row a sample, after the names of the columns")
    return frame


def line_of(path: Path, row: int) -> str:
    """`FILE:LINE` of a row (from 0) of a table file, or `FILE row N` where rows have no line."""
    if path.suffix.lower() == ".parquet":
        return f"{path} row {row + 1}"
    if path.suffix.lower() == ".jsonl":
        lines = [number for number, line in enumerate(text_of(path).split("\n"), start=1) if line.strip()]
        return f"{path}:{lines[row]}"
    line = line_of_row(path, row)
    return f"{path} row {row + 1}" if line is None else f"{path}:{line}"


def _read_jsonl(path: Path) -> pl.DataFrame:
    rows = [
        _json_row(line, f"{path}:{number}")
        for number, line in enumerate(text_of(path).split("\n"), start=1)
        if line.strip()
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in names])


def _json_row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        _ = json.dumps(row, ensure_ascii=False).encode() if "\\u" in line else None  # half of a character is no text
    except RecursionError:
        raise InputError("nested too deeply", where=where, expected="one object a line") from None
    except ValueError as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else str(error).partition(";")[0]
        raise InputError(f"not JSON: {said}", where=where, expected="one object a line") from None
    if not isinstance(row, dict):
        raise InputError(f"a {type(row).__name__}", where=where, expected="one object a line")
    return cast(dict[str, Any], row)


def _column(name: str, values: list[Any]) -> pl.Series:
    """Lists of texts where any cell is a list, else texts."""
    if any(isinstance(value, list) for value in values):
        return pl.Series(name, [_texts(value) for value in values], dtype=pl.List(pl.String))
    return pl.Series(name, [None if value is None else _text(value) for value in values], dtype=pl.String)


def _texts(value: object) -> list[str] | None:
    several = cast(list[object], value) if isinstance(value, list) else [value]
    return None if value is None else [_text(one) for one in several]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        scan = pl.scan_parquet(path)
        schema = scan.collect_schema()
        names = _class_names(path)
        columns = [_parquet_column(name, dtype, path, names.get(name)) for name, dtype in schema.items()]
        return scan.with_row_index("\0row").select(columns).collect()
    except (PolarsError, OSError) as error:
        raise InputError(f"not a readable Parquet file: {str(error).splitlines()[0]}", where=str(path)) from None


def _parquet_column(name: str, dtype: pl.DataType, path: Path, classes: list[str] | None) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Struct) and {field.name for field in dtype.fields} >= {"bytes"}:
        inside = address(path, name, pl.col("\0row"))
        beside = column.struct.field("path") if any(field.name == "path" for field in dtype.fields) else pl.lit(None)
        return pl.when(column.struct.field("bytes").is_null()).then(beside).otherwise(inside).alias(name)
    if isinstance(dtype, pl.Binary):
        return pl.when(column.is_null()).then(None).otherwise(address(path, name, pl.col("\0row"))).alias(name)
    if isinstance(dtype, pl.List):
        return column.cast(pl.List(pl.String)) if classes is None else column.list.eval(_named(pl.element(), classes))
    if isinstance(dtype, pl.Struct):
        return column.struct.json_encode()
    return column.cast(pl.String) if classes is None else _named(column, classes)


def _named(codes: pl.Expr, classes: list[str]) -> pl.Expr:
    """Names of class numbers; -1 stands for unknown in such files."""
    table = dict(enumerate(classes))
    return codes.cast(pl.Int64).replace_strict(table, default=None, return_dtype=pl.String)


def _class_names(path: Path) -> dict[str, list[str]]:
    """Column -> names of its class numbers, as the `datasets` library notes them in the file."""
    try:
        about = json.loads(pl.read_parquet_metadata(path).get("huggingface", "{}"))
        features = cast(dict[str, dict[str, Any]], about.get("info", {}).get("features", {}))
        kinds = {name: cast(dict[str, Any], feature.get("feature", feature)) for name, feature in features.items()}
        return {name: list(kind["names"]) for name, kind in kinds.items() if "names" in kind}
    except (ValueError, AttributeError, TypeError):
        return {}  # written by something else


READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
