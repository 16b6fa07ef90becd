"""A folder per class; or train, val and test folders with a folder per class in each."""

import os
from collections import Counter
from pathlib import Path

import polars as pl

from sfumato.data.images import READ, SUFFIXES
from sfumato.data.sources.answers import answers_in
from sfumato.data.sources.layout import likely_source, part_folders, refuse_almost_parts, subfolders, tables_in
from sfumato.data.table import Table, make_table
from sfumato.errors import InputError
from sfumato.labels import LabelSpace

MOST_ENDINGS = 6


def read_folder(folder: Path, space: LabelSpace | None = None) -> Table:
    """Read a folder whose sub-folders are the classes; a sample's id is its path below the folder.

    If the sub-folders are named train, val and test (or the like), they are the parts and the classes lie inside.

    Args:
        folder: The folder.
        space: The classes and their other names; None = those of the folders.

    Raises:
        InputError: Nothing usable in it: empty, no class folders, one class, a class that `space` lacks.
    """
    top = subfolders(folder)
    if not top:
        raise _no_class_folder(folder)
    note, classes = _classes(top)
    files = [(path, cls.name, part) for part, cls in classes for path in files_below(cls)]
    rows = [row for row in files if is_image(row[0].name)]
    if not rows:
        expected = f"files ending in {', '.join(READ)}"
        raise InputError("no image in any class folder", where=str(folder), expected=expected)
    _refuse_one_class({label for _, label, _ in rows}, folder)
    frame = pl.DataFrame(
        {
            "id": [path.relative_to(folder).as_posix() for path, _, _ in rows],
            "images": [[str(path)] for path, _, _ in rows],
            "part": [part for _, _, part in rows],
        },
        schema_overrides={"part": pl.String},
    )
    names = pl.Series([label for _, label, _ in rows])
    labels, task, said = answers_in("label", names, space, lambda row: str(rows[row][0].parent))
    empty = sorted({cls.name for _, cls in classes} - {label for _, label, _ in rows})
    missing = [f"data.source: folder {name!r} holds no image and is no class" for name in empty]
    passed = [*_tables_passed_over(folder), *_passed_over([path for path, _, _ in files])]
    return make_table(frame.with_columns(labels), (task,), str(folder), (note, *said, *missing, *passed))


def images_below(folder: Path) -> list[Path]:
    """Images at any depth below a folder, by path."""
    return [path for path in files_below(folder) if is_image(path.name)]


def files_below(folder: Path) -> list[Path]:
    """Files at any depth below a folder, by path; what is hidden is passed over, each folder is entered once."""
    found: list[Path] = []
    entered: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        entered.add(os.path.realpath(root))
        inside = {name: os.path.realpath(Path(root, name)) for name in sorted(folders) if not name.startswith(".")}
        folders[:] = [name for name, real in inside.items() if real not in entered]
        found += [Path(root, name) for name in names if not name.startswith(".")]
    return sorted(found)


def is_image(name: str) -> bool:
    """Whether a file's name says that it is an image."""
    return Path(name).suffix.lower() in SUFFIXES


def _no_class_folder(folder: Path) -> InputError:
    names = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    loose = "images" if any(map(is_image, names)) else "files"
    found = f"{loose}, but no folder per class" if names else "an empty folder"
    expected = "one sub-folder of images a class"
    return InputError(found, where=str(folder), expected=expected, nearest=likely_source(folder))


def _refuse_one_class(names: set[str], folder: Path) -> None:
    if len(names) < 2:
        raise InputError(
            f"only one class, {min(names)!r}",
            where=str(folder),
            expected="at least two classes",
            nearest=likely_source(folder),
        )


def _tables_passed_over(folder: Path) -> list[str]:
    names = [path.name for path in tables_in(folder)]
    return [f"data.source: not read, since the folders name the classes: {', '.join(names[:3])}"] if names else []


def _passed_over(files: list[Path]) -> list[str]:
    """A note on files that are no samples, since a format that is not read may be among them."""
    endings = Counter(path.suffix.lower() or "without ending" for path in files if not is_image(path.name))
    if not endings:
        return []
    named = [f"{ending} {number:,}" for ending, number in sorted(endings.items(), key=lambda one: (-one[1], one[0]))]
    more = f" and {len(named) - MOST_ENDINGS} more endings" if len(named) > MOST_ENDINGS else ""
    return [f"data.source: passed over, since no picture ends so: {', '.join(named[:MOST_ENDINGS])}{more}"]


def _classes(top: list[Path]) -> tuple[str, list[tuple[str | None, Path]]]:
    """What the sub-folders are, and each class folder with its part."""
    refuse_almost_parts(top[0].parent)
    parts = part_folders(top[0].parent)
    if parts:
        note = f"data.split: the folders {', '.join(sorted(path.name for path in top))} are the parts"
        return note, [(part, cls) for part, path in parts.items() for cls in subfolders(path)]
    return f"data.source: a folder per class, {len(top)} classes", [(None, path) for path in top]
