"""Where something new is written: a folder that holds nothing yet."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sfumato.errors import InputError


@contextmanager
def free_folder(out: str | Path | None, name: str) -> Generator[Path]:
    """`out`, or `runs/NAME` with the first number that is free.

    It is made at once, so that runs that start together get a folder each; if the context fails before anything is in
    it, it is removed again. Processes of one distributed run all name the same folder; the main one makes it later.

    Raises:
        InputError: `out` holds something already: what is new never overwrites what is old; or it can't be made.
    """
    alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
    path = Path(out) if out is not None else Path("runs") / name
    if out is not None and holds_something(path):
        raise InputError("holds something already", where=str(path), expected="a new or empty folder for --out")
    new = [one for one in (path, *path.parents) if not one.exists()]
    number = 1
    while out is None and (path.exists() or (alone and not _claim(path))):
        number += 1
        path = Path("runs") / f"{name}-{number}"
    if alone and out is not None:
        make_folder(path)
    try:
        yield path
    except BaseException:
        _remove_empty(path, new)
        raise


@contextmanager
def emptied_on_failure(path: Path) -> Generator[None]:
    """If the context fails, what it wrote in a folder that was empty is removed: half of it would be of no use."""
    try:
        yield
    except BaseException:
        for one in list(path.iterdir()) if path.is_dir() else []:
            shutil.rmtree(one) if one.is_dir() else one.unlink()
        raise


def holds_something(path: Path) -> bool:
    """Whether a path is a file, or a folder with something in it."""
    try:
        return path.exists() and (not path.is_dir() or any(path.iterdir()))
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=str(path)) from None


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they are not there.

    Raises:
        InputError: It can't be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"no folder can be made: {error.strerror}", where=str(path)) from None


def _claim(path: Path) -> bool:
    """Make a folder that was not there; False if another process was faster."""
    make_folder(path.parent)
    try:
        path.mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        raise InputError(f"no folder can be made: {error.strerror}", where=str(path)) from None
    return True


def _remove_empty(path: Path, new: list[Path]) -> None:
    """Remove a folder, and those above it that were made for it, as far as nothing is in them."""
    for folder in dict.fromkeys([path, *new]):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
