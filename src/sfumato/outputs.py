"""Decisions as rows of a CSV, JSONL or Parquet file, or of the terminal."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import polars as pl

from sfumato.data.images import SUFFIXES
from sfumato.data.sources.files import READERS
from sfumato.data.sources.tabular import read_image_paths
from sfumato.errors import InputError
from sfumato.predict import Decision

COLUMNS = ("input", "label", "confidence", "calibrated", "abstained", "error")


def expand(inputs: Iterable[str]) -> list[str]:
    """Image paths in the order given. A folder stands for the images in it, at any depth, sorted; a table for its rows.

    Raises:
        InputError: A folder without an image, a table without an image column. A path that does not exist stays: its
            row says so.
    """
    paths: list[str] = []
    for name in inputs:
        path = Path(name)
        if path.is_dir():
            found = sorted(str(inner) for inner in path.rglob("*") if inner.suffix.lower() in SUFFIXES)
            if not found:
                endings = ", ".join(sorted(SUFFIXES))
                raise InputError("no image in it", where=name, expected=f"files ending in {endings}")
            paths += found
        elif path.suffix.lower() in READERS and path.is_file():
            paths += read_image_paths(path)
        else:
            paths.append(name)
    return paths


def check_target(out: Path | None) -> None:
    """Refuse, before anything is computed, a file that exists or whose form is not known."""
    if out is None:
        return
    if out.suffix not in WRITERS:
        raise InputError(f"a file ending in {out.suffix!r}", where=str(out), expected=", ".join(WRITERS))
    if out.exists():
        raise InputError("there already", where=str(out), expected="a new file for --out")
    if not out.parent.is_dir():
        raise InputError("no such folder", where=str(out.parent))


def write_decisions(decisions: Iterable[Decision], out: Path, classes: tuple[str, ...]) -> None:
    """Write one row a decision to a new .csv, .jsonl or .parquet file, with a probability column a class."""
    WRITERS[out.suffix](decisions, out, classes)


def csv_lines(decisions: Iterable[Decision], classes: tuple[str, ...]) -> Iterator[str]:
    """The rows of a CSV, the header first, one at a time."""
    yield _csv_line([*COLUMNS, *(f"p:{name}" for name in classes)])
    for decision in decisions:
        row = flat(decision, classes)
        yield _csv_line("" if value is None else value for value in row.values())


def flat(decision: Decision, classes: tuple[str, ...]) -> dict[str, object]:
    """A decision as one row: COLUMNS, then `p:CLASS` for each class, None where the image is bad."""
    row = {name: getattr(decision, name) for name in COLUMNS}
    return {**row, **{f"p:{name}": decision.probabilities.get(name) for name in classes}}


def _csv_line(values: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)
    return buffer.getvalue()


def _write_csv(decisions: Iterable[Decision], out: Path, classes: tuple[str, ...]) -> None:
    with _fresh(out) as file:
        file.writelines(csv_lines(decisions, classes))


def _write_jsonl(decisions: Iterable[Decision], out: Path, _: tuple[str, ...]) -> None:
    with _fresh(out) as file:
        file.writelines(json.dumps(asdict(decision), ensure_ascii=False) + "\n" for decision in decisions)


def _write_parquet(decisions: Iterable[Decision], out: Path, classes: tuple[str, ...]) -> None:
    schema: dict[str, type[pl.DataType]] = {
        "input": pl.String,
        "label": pl.String,
        "confidence": pl.Float64,
        "calibrated": pl.Boolean,
        "abstained": pl.Boolean,
        "error": pl.String,
        **{f"p:{name}": pl.Float64 for name in classes},
    }
    pl.DataFrame([flat(decision, classes) for decision in decisions], schema=schema).write_parquet(out)


def _fresh(out: Path) -> TextIO:
    return out.open("x", encoding="utf-8", newline="")


Writer = Callable[[Iterable[Decision], Path, tuple[str, ...]], None]
WRITERS: dict[str, Writer] = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet}
