"""A sealed folder: written aside, given a manifest of hashes, renamed into place, so that it is whole or absent."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sfumato.errors import InputError

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


def read_manifest(folder: Path) -> dict[str, Any]:
    """The facts of a sealed folder, without checking its files.

    Raises:
        InputError: There is no manifest, or it is no JSON object with a list of files.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"no {MANIFEST}", where=str(folder), expected="a folder written by sfumato")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"damaged: {error}", where=str(path)) from error
    if not isinstance(manifest, dict) or not isinstance(cast(dict[str, Any], manifest).get("files"), dict):
        raise InputError("damaged: no list of files", where=str(path))
    return cast(dict[str, Any], manifest)


def verify(folder: Path) -> dict[str, Any]:
    """Check every file of a sealed folder against its manifest and return the manifest's facts.

    Raises:
        InputError: A file is missing, or its content is not what was sealed.
    """
    manifest = read_manifest(folder)
    root = folder.resolve()
    for name, digest in cast(dict[str, str], manifest["files"]).items():
        path = folder / name
        if not path.resolve().is_relative_to(root):
            raise InputError("the manifest names a file outside the folder", where=str(path))
        if not path.is_file():
            raise InputError("missing", where=str(path), mend="restore the folder from where it was made")
        if _sha256(path) != digest:
            raise InputError(
                "changed since it was written (its SHA-256 differs from the manifest's)",
                where=str(path),
                mend="restore the folder from where it was made",
            )
    return manifest


def stranded(target: Path) -> list[Path]:
    """Complete folders that a crash left under their working name, beside where `target` should be."""
    return sorted(path for path in target.parent.glob(f".{target.name}.*") if (path / MANIFEST).is_file())


def _write_manifest(folder: Path, about: dict[str, Any]) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    hashes = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
    text = json.dumps({**about, "files": hashes}, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    for path in (*files, folder / MANIFEST):
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
