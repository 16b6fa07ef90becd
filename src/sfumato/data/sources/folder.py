"""A folder per class; or train, val and test folders with a folder per class in each."""

import os
from pathlib import Path

from sfumato.data.images import SUFFIXES
from sfumato.data.table import Table, make_table
from sfumato.errors import InputError

PART_OF_FOLDER = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def read_folder(folder: Path) -> Table:
    """Read a folder whose sub-folders are the classes; a sample's id is its path below the folder.

    If the sub-folders are named train, val and test (or the like), they are the parts and the classes lie inside.

    Raises:
        InputError: Nothing usable in it: empty, no class folders, one class.
    """
    top = _subfolders(folder)
    if not top:
        loose = any(_is_image(entry.name) for entry in folder.iterdir())
        found = "images, but no folder per class" if loose else "an empty folder"
        raise InputError(found, where=str(folder), expected="one sub-folder of images a class")
    parts = {path.name.lower(): path for path in top}
    if len(top) > 1 and "train" in {PART_OF_FOLDER.get(name) for name in parts} and set(parts) <= set(PART_OF_FOLDER):
        note = f"data.split: the folders {', '.join(sorted(path.name for path in top))} are the parts"
        classes = [(PART_OF_FOLDER[name], path) for name, part in parts.items() for path in _subfolders(part)]
    else:
        note = f"data.source: a folder per class, {len(top)} classes"
        classes = [(None, path) for path in top]
    rows = [(path, cls.name, part) for part, cls in classes for path in _images(cls)]
    if not rows:
        raise InputError("no image in any class folder", where=str(folder), expected=f"files ending in {_endings()}")
    columns: dict[str, list[str | None]] = {
        "id": [path.relative_to(folder).as_posix() for path, _, _ in rows],
        "image": [str(path) for path, _, _ in rows],
        "label": [label for _, label, _ in rows],
        "part": [part for _, _, part in rows],
    }
    empty = sorted({cls.name for _, cls in classes} - {label for _, label, _ in rows})
    notes = (note, *(f"data.source: folder {name!r} holds no image and is no class" for name in empty))
    return make_table(columns, str(folder), notes)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images(folder: Path) -> list[Path]:
    """Images at any depth below a folder; links to folders are followed as os.walk allows."""
    found = [Path(root, name) for root, _, names in os.walk(folder) for name in names if _is_image(name)]
    return sorted(found)


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def _endings() -> str:
    return ", ".join(sorted(SUFFIXES))
