"""Data set folders as the Hugging Face hub lays them out: pictures beside a metadata file, or Parquet shards."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from sfumato.data.columns import ColumnsSpec
from sfumato.data.sources.files import read_rows
from sfumato.data.sources.layout import part_folders
from sfumato.data.sources.parts import PART_NAMES
from sfumato.data.sources.tabular import LabelsSpec, table_of
from sfumato.data.table import Table

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
SPLIT_NOTE = "data.columns.split:"
SHARD_FOLDERS = (".", "data", "default")


def is_hub_folder(folder: Path) -> bool:
    """Whether it holds a metadata file or Parquet shards where the hub puts them."""
    return bool(_files(folder))


def read_hub_folder(folder: Path, columns: ColumnsSpec, stratify: tuple[str, ...], labels: LabelsSpec | None) -> Table:
    """Read such a folder; its parts come from the names of its folders or shards (`train-00000-of-00002.parquet`).

    Raises:
        InputError: As `read_tabular`.
    """
    files = _files(folder)
    frames: list[pl.DataFrame] = []
    parts = [part for part, _ in files]
    named = False
    for part, path in files:
        frame = read_rows(path)
        if path.name in METADATA and "file_name" in frame.columns and frame["file_name"].dtype == pl.String:
            below = path.parent.relative_to(folder).as_posix()
            prefix = "" if below == "." else f"{below}/"
            frame = frame.with_columns(pl.concat_str(pl.lit(prefix), pl.col("file_name")).alias("file_name"))
        if part is not None and None not in parts and "split" not in frame.columns:
            named = True
            frame = frame.with_columns(pl.lit(part).alias("split"))
        frames.append(frame)
    rows = pl.concat(frames, how="diagonal_relaxed")
    counted = [(path, len(frame)) for (_, path), frame in zip(files, frames, strict=True)]
    table = table_of(rows, counted, folder, columns, stratify, labels)
    return _with_true_reason(table) if named else table


def _with_true_reason(table: Table) -> Table:
    """Its parts were put into a column here; no reader shall look for it in the data."""
    reason = "data.split: the parts are those that folders or files are named after"
    return replace(table, notes=tuple(reason if note.startswith(SPLIT_NOTE) else note for note in table.notes))


def _files(folder: Path) -> list[tuple[str | None, Path]]:
    """(part, file) in a fixed order; part None where the name does not say."""
    beside = _metadata(folder)
    if beside:
        return [(None, beside)]
    inside: list[tuple[str | None, Path]] = [
        (part, found) for part, path in part_folders(folder).items() if (found := _metadata(path))
    ]
    if inside:
        return inside
    shards = [path for name in SHARD_FOLDERS for path in sorted((folder / name).glob("*.parquet"))]
    shards += [path for part in part_folders(folder).values() for path in sorted(part.glob("*.parquet"))]
    return [(_part_of(path), path) for path in shards]


def _metadata(folder: Path) -> Path | None:
    return next((folder / name for name in METADATA if (folder / name).is_file()), None)


def _part_of(shard: Path) -> str | None:
    said = shard.stem.lower().replace(".", "-").replace("_", "-").split("-")[0]
    return PART_NAMES.get(said) or PART_NAMES.get(shard.parent.name.lower())
