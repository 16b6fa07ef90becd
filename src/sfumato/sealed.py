"""A sealed folder: written aside, given a manifest of hashes, renamed into place, so that it is whole or absent."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, cast

from sfumato.errors import InputError
from sfumato.json_file import read_json, write_json

MANIFEST = "manifest.json"


@contextmanager
def sealed_folder(target: Path, about: dict[str, Any], *, keep: Path | None = None) -> Generator[Path]:
    """Yield an empty folder to fill; on leaving, seal it and rename it to `target`.

    A crash at any moment leaves either what `target` held before, or the new content, whole (or, for an instant,
    only `keep`, or the complete new folder under its working name, which `stranded` finds).

    Args:
        target: Where the folder ends up; what stood there goes to `keep`, or is removed.
        about: JSON-ready facts stored in the manifest next to the hashes.
        keep: Where the former `target` is kept; what stood there is removed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield work
        _write_manifest(work, about)
        _swap(work, target, keep)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def seal(folder: Path, about: dict[str, Any]) -> None:
    """Give a folder that is whole already a manifest, anew where it has one."""
    _write_manifest(folder, about)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The facts of a sealed folder, without checking its files.

    Raises:
        InputError: There is no manifest, or it is no JSON object with a list of files.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"no {MANIFEST}", where=str(folder), expected="a folder written by sfumato")
    manifest = read_json(path)
    if not isinstance(manifest.get("files"), dict):
        raise InputError("damaged: no list of files", where=str(path))
    return manifest


def verify(folder: Path) -> dict[str, Any]:
    """Check every file of a sealed folder against its manifest and return the manifest's facts.

    Raises:
        InputError: A file is missing, was added, or its content is not what was sealed.
    """
    manifest = read_manifest(folder)
    listed, there = cast(dict[str, object], manifest["files"]), set(_files(folder))
    for name in listed:
        if name not in there:
            raise _not_there(folder, name)
    for name in sorted(there):
        _check(folder, name, listed.get(name))
    return manifest


def stranded(target: Path) -> list[Path]:
    """Complete folders that a crash left under their working name, beside where `target` should be."""
    return sorted(path for path in target.parent.glob(f".{target.name}.*") if (path / MANIFEST).is_file())


def recover(target: Path) -> None:
    """Give a folder its name that a crash left complete under its working name, and none under its own."""
    complete = stranded(target)
    if complete and not target.exists():
        complete[0].rename(target)


def _files(folder: Path) -> list[str]:
    """Every file below a folder but its manifest."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if name != MANIFEST)


def _not_there(folder: Path, name: str) -> InputError:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        return InputError("the manifest names a file outside the folder", where=f"{folder}/{_short(name)}")
    return InputError("missing", where=f"{folder}/{_short(name)}", mend=_RESTORE)


def _check(folder: Path, name: str, digest: object) -> None:
    path = folder / name
    if digest is None:
        raise InputError("not in the manifest", where=str(path), mend=f"remove it, or {_RESTORE}")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError("a link to a file outside the folder", where=str(path), mend=_RESTORE)
    try:
        same = _sha256(path) == digest
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=str(path)) from None
    if not same:
        said = "changed since it was written (its SHA-256 differs from the manifest's)"
        raise InputError(said, where=str(path), mend=_RESTORE)


_RESTORE = "restore the folder from where it was made"


def _short(name: str) -> str:
    """A name that somebody else wrote, fit to stand in one line."""
    return name if name.isprintable() and len(name) <= 255 else repr(name[:60])


def _write_manifest(folder: Path, about: dict[str, Any]) -> None:
    write_json(folder / MANIFEST, {**about, "files": {name: _sha256(folder / name) for name in _files(folder)}})
    for path in (*folder.rglob("*"), folder):
        _flush(path)


def _swap(work: Path, target: Path, keep: Path | None) -> None:
    work.chmod(0o755)  # mkdtemp makes it private; a bundle is meant to be shared
    if target.exists():
        former = keep or target.with_name(f".{target.name}-former")
        shutil.rmtree(former, ignore_errors=True)
        target.rename(former)
        work.rename(target)
        if keep is None:
            shutil.rmtree(former, ignore_errors=True)
    else:
        work.rename(target)
    _flush(target.parent)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Ask the system to put a file or folder on the disk now, where it can."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
