"""What a folder likely is that can't be read as it stands, or would be read as something it hardly is."""

from pathlib import Path

from sfumato.data.sources.files import READERS
from sfumato.data.sources.parts import PART_NAMES
from sfumato.data.table import PARTS
from sfumato.errors import InputError, nearest_name


def subfolders(folder: Path) -> list[Path]:
    """Folders directly below, but for hidden ones, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def part_folders(folder: Path) -> dict[str, Path]:
    """Name of a part -> sub-folder, if the sub-folders are the parts of a split; else empty."""
    top = subfolders(folder)
    parts = [PART_NAMES.get(path.name.lower()) for path in top]
    if len(top) > 1 and "train" in parts and None not in parts and len(set(parts)) == len(parts):
        return {str(part): path for part, path in zip(parts, top, strict=True)}
    return {}


def tables_in(folder: Path) -> list[Path]:
    """Tables directly in a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in READERS and path.is_file())


def likely_source(folder: Path) -> str | None:
    """What was likely meant by a folder that holds no two classes: a table in it, or the one folder below it."""
    tables, top = tables_in(folder), subfolders(folder)
    if tables:
        return str(tables[0])
    return str(top[0]) if len(top) == 1 and len(subfolders(top[0])) > 1 else None


def refuse_almost_parts(folder: Path) -> None:
    """Refuse folders that hold the same classes as `train` beside them, but are not all named as parts are.

    Read as classes, they would be named `train` and the like, and the mistake would show in the figures alone.
    """
    top = subfolders(folder)
    train = next((path for path in top if PART_NAMES.get(path.name.lower()) == "train"), None)
    if train is None or part_folders(folder):
        return
    classes = {path.name for path in subfolders(train)}
    like = [path for path in top if path != train and len(classes & {inner.name for inner in subfolders(path)}) > 1]
    if not like:
        return
    odd = next((path.name for path in top if path.name.lower() not in PART_NAMES), None)
    raise InputError(
        f"the folders {train.name} and {like[0].name} hold the same classes, so they seem to be the parts of a split; "
        + (f"{odd!r} is no name of a part" if odd else "two are named as the same part"),
        where=str(folder),
        expected=f"folders named {', '.join(PARTS)} and no others",
        nearest=nearest_name(odd, PART_NAMES) if odd else None,
    )
