"""CSV and TSV as people save them: UTF-8, a line of names first, and what stands between cells seen from that line."""

import contextlib
import csv
import io
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from sfumato.data.sources.text_file import text_of
from sfumato.errors import InputError

USUAL = {".csv": ",", ".tsv": "\t"}
OTHERS = (",", ";", "\t", "|")
"""What spreadsheets write instead, in countries where a comma stands in numbers."""
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def separator_of(path: Path) -> str:
    """What stands between the cells of a file: its ending's own, unless the first line has only another."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return _separator(path, file.readline())


def separator_note(path: Path) -> str | None:
    """What was seen of a file that is not separated as its ending says."""
    if path.suffix.lower() not in USUAL or (found := separator_of(path)) == USUAL[path.suffix.lower()]:
        return None
    return f"data.source: {path.name} is read as separated by {NAMES[found]}, since its first line is"


def read_delimited(path: Path) -> pl.DataFrame:
    """Rows of texts.

    Raises:
        InputError: Unreadable, not UTF-8, empty, a column named twice, a row longer than the first, an open quote.
    """
    text = text_of(path)
    if not text.strip():
        raise InputError("empty", where=str(path), expected="a line of column names, then a line a sample")
    separator = _separator(path, text.lstrip("\n").partition("\n")[0])
    header = _header(text, separator, path)
    _refuse_doubled_columns(header, path)
    try:
        frame = pl.read_csv(io.StringIO(text), separator=separator, infer_schema=False)
    except PolarsError as error:
        _refuse_odd_rows(text, separator, len(header), path)
        raise InputError(f"not a readable table: {str(error).splitlines()[0]}", where=str(path)) from None
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def line_of_row(path: Path, row: int) -> int | None:
    """Line (from 1) in which a row (from 0) begins; the header is no row."""
    separator = separator_of(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader, seen, start = csv.reader(file, delimiter=separator), -1, 1  # the header is row -1
        with contextlib.suppress(csv.Error):  # a cell longer than csv takes, which polars has read all the same
            for cells in reader:
                if any(cells) and seen == row:
                    return start
                seen, start = seen + any(cells), reader.line_num + 1
    return None


def _header(text: str, separator: str, path: Path) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text), delimiter=separator))
    except csv.Error as error:
        raise InputError(f"no names of columns: {error}", where=f"{path}:1", expected="a line of names") from None


def _separator(path: Path, first: str) -> str:
    usual = USUAL[path.suffix.lower()]
    return usual if usual in first else next((mark for mark in OTHERS if mark in first), usual)


def _refuse_odd_rows(text: str, separator: str, columns: int, path: Path) -> None:
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    start = 1
    try:
        for cells in reader:
            if len(cells) > columns:
                expected = f"{columns}, as the first line has"
                raise InputError(f"{len(cells)} columns", where=f"{path}:{start}", expected=expected)
            start = reader.line_num + 1
    except csv.Error as error:
        if "limit" in str(error):
            return
        expected = "a second one at the end of the cell"
        raise InputError("a quotation mark that is never closed", where=f"{path}:{start}", expected=expected) from None


def _refuse_doubled_columns(names: list[str], path: Path) -> None:
    doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if doubled is not None:
        raise InputError(f"column {doubled!r} stands twice", where=f"{path}:1", expected="every column once")
