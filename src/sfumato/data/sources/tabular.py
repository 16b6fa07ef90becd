"""CSV and JSONL: one row a sample, columns found by their usual names or named in the recipe."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import polars as pl
from polars.exceptions import PolarsError

from sfumato.data.table import PARTS, Table, make_table
from sfumato.errors import InputError, nearest_name
from sfumato.spec import Spec

USUAL_NAMES = {
    "image": (
        "image",
        "path",
        "image_path",
        "img_path",
        "file",
        "filepath",
        "file_path",
        "filename",
        "file_name",
        "img",
    ),
    "label": ("label", "class", "category", "categories", "target", "class_name", "y"),
    "id": ("id", "image_id", "sample_id"),
    "group": ("group", "group_id", "patient", "patient_id"),
    "split": ("split", "part", "subset", "fold_name"),
}
PART_NAMES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


class ColumnsSpec(Spec):
    """Which column of a table holds what. None = the first column that has one of the usual names."""

    image: str | None = None
    """Column of image paths, relative to the table's folder or absolute."""
    label: str | None = None
    """Column of class names; an empty cell = unknown class, left out of training."""
    id: str | None = None
    """Column of sample ids; none = the image path is the id."""
    group: str | None = None
    """Column of groups (patient, product, module ...): a group is never split; none = every image is its own group."""
    split: str | None = None
    """Column of given parts (train, val, test); none = the recipe's fractions decide."""


def read_tabular(path: Path, columns: ColumnsSpec, stratify: tuple[str, ...]) -> Table:
    """Read a .csv, .tsv or .jsonl file.

    Args:
        path: The file; image paths in it are relative to its folder.
        columns: Named columns; the rest are found by their usual names.
        stratify: Further columns whose values are spread evenly over the parts.

    Raises:
        InputError: Unreadable, a named column is missing, no image or label column, an unknown part.
    """
    frame = READERS[path.suffix.lower()](path)
    if not len(frame):
        raise InputError("no row in it", where=str(path))
    found, notes = _find_columns(frame, columns, path)
    for name in stratify:
        _require(frame, name, "data.split.stratify", path)
    texts = {role: cast(list[str | None], frame[name].to_list()) for role, name in found.items()}
    _refuse_empty(texts["image"], path, found["image"])
    images = [str(_absolute(path.parent, cast(str, text))) for text in texts["image"]]
    result: dict[str, list[str | None]] = {
        "id": texts.get("id") or texts["image"],
        "image": list(images),
        "label": [text.strip() or None if text else None for text in texts["label"]],
    }
    if "group" in texts:
        result["group"] = texts["group"]
    if stratify:
        joined = frame.select(pl.concat_str([pl.col(name).fill_null("") for name in stratify], separator=" / "))
        result["stratum"] = cast(list[str | None], joined.to_series().to_list())
    if "split" in texts:
        result["part"] = [_part(text, path, i) for i, text in enumerate(texts["split"])]
    return make_table(result, str(path), tuple(notes))


def read_image_paths(path: Path) -> list[str]:
    """Image paths of a table, in its order, whatever else it holds."""
    frame = READERS[path.suffix.lower()](path)
    column = _find_columns(frame, ColumnsSpec(), path, needed=("image",))[0]["image"]
    texts = cast(list[str | None], frame[column].to_list())
    _refuse_empty(texts, path, column)
    return [str(_absolute(path.parent, cast(str, text))) for text in texts]


def _read_csv(path: Path) -> pl.DataFrame:
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        text = path.read_text(encoding="utf-8-sig")
        return pl.read_csv(io.StringIO(text), separator=separator, infer_schema=False)
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text (byte {error.start})", where=str(path), mend="save it as UTF-8") from None
    except PolarsError as error:
        raise InputError(f"not a readable table: {str(error).splitlines()[0]}", where=str(path)) from None


def _read_jsonl(path: Path) -> pl.DataFrame:
    rows: list[dict[str, str | None]] = []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text (byte {error.start})", where=str(path), mend="save it as UTF-8") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            rows.append(_json_row(line, f"{path}:{number}"))
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names}, schema=dict.fromkeys(names, pl.String)
    )


def _json_row(line: str, where: str) -> dict[str, str | None]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}", where=where, expected="one object a line") from None
    if not isinstance(row, dict):
        raise InputError(f"a {type(row).__name__}", where=where, expected="one object a line")
    fields = cast(dict[str, Any], row)
    return {name: None if value is None else _text(value) for name, value in fields.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


READERS: dict[str, Callable[[Path], pl.DataFrame]] = {".csv": _read_csv, ".tsv": _read_csv, ".jsonl": _read_jsonl}


def _find_columns(
    frame: pl.DataFrame, columns: ColumnsSpec, path: Path, needed: tuple[str, ...] = ("image", "label")
) -> tuple[dict[str, str], list[str]]:
    """Column of each role, and how it was found."""
    found: dict[str, str] = {}
    notes: list[str] = []
    by_lower = {name.lower().strip(): name for name in reversed(frame.columns)}
    for role, usual in USUAL_NAMES.items():
        named = cast(str | None, getattr(columns, role))
        guess = next((by_lower[name] for name in usual if name in by_lower), None)
        if named is not None:
            found[role] = _require(frame, named, f"data.columns.{role}", path)
        elif guess is not None:
            found[role] = guess
            notes.append(f"data.columns.{role}: {guess!r}, a usual name for it")
        elif role in needed:
            raise InputError(
                f"no column looks like the {role}",
                where=str(path),
                expected=f"one of {', '.join(usual)}, or data.columns.{role} naming one of {', '.join(frame.columns)}",
            )
    return found, notes


def _require(frame: pl.DataFrame, name: str, setting: str, path: Path) -> str:
    if name not in frame.columns:
        raise InputError(
            f"{path.name} has no column {name!r}",
            setting=setting,
            expected=f"one of {', '.join(frame.columns)}",
            nearest=nearest_name(name, frame.columns),
        )
    return name


def _refuse_empty(texts: list[str | None], path: Path, column: str) -> None:
    for i, text in enumerate(texts):
        if not text:
            raise InputError(f"row {i + 1} has no image in column {column!r}", where=str(path))


def _absolute(folder: Path, text: str) -> Path:
    return (folder / Path(text).expanduser()).absolute()


def _part(text: str | None, path: Path, row: int) -> str:
    part = PART_NAMES.get((text or "").strip().lower())
    if part is None:
        raise InputError(
            f"row {row + 1} has the split {text!r}",
            where=str(path),
            expected=f"one of {', '.join(PARTS)}",
            nearest=nearest_name(text or "", PART_NAMES),
        )
    return part
