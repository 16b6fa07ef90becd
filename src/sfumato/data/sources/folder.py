"""A folder per class; or train, val and test folders with a folder per class in each."""

import os
from pathlib import Path

import polars as pl

from sfumato.data.images import SUFFIXES
from sfumato.data.sources.answers import answers_in
from sfumato.data.sources.parts import PART_NAMES
from sfumato.data.table import Table, make_table
from sfumato.errors import InputError
from sfumato.labels import LabelSpace


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
        loose = any(is_image(entry.name) for entry in folder.iterdir())
        found = "images, but no folder per class" if loose else "an empty folder"
        raise InputError(found, where=str(folder), expected="one sub-folder of images a class")
    note, classes = _classes(top)
    rows = [(path, cls.name, part) for part, cls in classes for path in images_below(cls)]
    if not rows:
        endings = ", ".join(sorted(SUFFIXES))
        raise InputError("no image in any class folder", where=str(folder), expected=f"files ending in {endings}")
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
    return make_table(frame.with_columns(labels), (task,), str(folder), (note, *said, *missing))


def part_folders(folder: Path) -> dict[str, Path]:
    """Name of a part -> sub-folder, if the sub-folders are the parts of a split; else empty."""
    top = subfolders(folder)
    parts = [PART_NAMES.get(path.name.lower()) for path in top]
    if len(top) > 1 and "train" in parts and None not in parts and len(set(parts)) == len(parts):
        return {str(part): path for part, path in zip(parts, top, strict=True)}
    return {}


def subfolders(folder: Path) -> list[Path]:
    """Folders directly below, but for hidden ones, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def images_below(folder: Path) -> list[Path]:
    """Images at any depth below a folder, by path; hidden folders are passed over, each folder is entered once."""
    found: list[Path] = []
    entered: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        entered.add(os.path.realpath(root))
        inside = {name: os.path.realpath(Path(root, name)) for name in sorted(folders) if not name.startswith(".")}
        folders[:] = [name for name, real in inside.items() if real not in entered]
        found += [Path(root, name) for name in names if is_image(name)]
    return sorted(found)


def is_image(name: str) -> bool:
    """Whether a file's name says that it is an image; hidden files are none."""
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def _classes(top: list[Path]) -> tuple[str, list[tuple[str | None, Path]]]:
    """What the sub-folders are, and each class folder with its part."""
    parts = part_folders(top[0].parent)
    if parts:
        note = f"data.split: the folders {', '.join(sorted(path.name for path in top))} are the parts"
        return note, [(part, cls) for part, path in parts.items() for cls in subfolders(path)]
    return f"data.source: a folder per class, {len(top)} classes", [(None, path) for path in top]
