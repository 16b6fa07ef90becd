"""Pictures named after their sample: `<id>.jpg` and `<id>_*.jpg` in a folder, beside a table without paths."""

from collections import defaultdict
from pathlib import Path

import polars as pl

from sfumato.data.sources.folder import images_below
from sfumato.errors import InputError


def pictures_by_id(ids: pl.Series, folder: Path, table: Path) -> tuple[pl.Series, list[str]]:
    """(N) lists of paths: `<id>.*` first, then `<id>_*` by name; empty where there is none.

    A name that fits several ids belongs to the longest: `7_1_a.png` to `7_1` rather than to `7`.

    Raises:
        InputError: No picture fits any id.
    """
    if not folder.is_dir():
        raise InputError("no such folder", where=str(folder), setting="data.images")
    known = set(ids.drop_nulls().to_list())
    found: defaultdict[str, list[tuple[bool, str]]] = defaultdict(list)
    for path in images_below(folder):
        owner = _owner(path.stem, known)
        if owner is not None:
            found[owner].append((path.stem != owner, str(path)))
    if not found:
        raise InputError(
            f"no image column, and no picture named after an id below {folder}",
            where=str(table),
            expected=f"files such as {ids[0]}.jpg or {ids[0]}_1.jpg, or data.columns.image, or data.images",
        )
    lists = [[path for _, path in sorted(found.get(id_, ()))] for id_ in ids]
    without = sum(not paths for paths in lists)
    count = sum(map(len, lists))
    note = f"data.images: named after their id below {folder}, {count} for {len(ids) - without} samples"
    return pl.Series(lists, dtype=pl.List(pl.String)), [note + (f"; {without} samples have none" if without else "")]


def _owner(stem: str, known: set[str]) -> str | None:
    """The longest id that the stem is, or begins with before an underscore."""
    while stem not in known:
        stem, underscore, _ = stem.rpartition("_")
        if not underscore:
            return None
    return stem
