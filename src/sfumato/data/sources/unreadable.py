"""What people name as data that is neither a folder nor a table, and how each becomes one."""

import re
from pathlib import Path

from sfumato.data.images import SUFFIXES
from sfumato.data.sources.files import READERS
from sfumato.errors import InputError, nearest_name

_ADDRESS = re.compile(r"(?:^|/)([A-Za-z][A-Za-z0-9+.-]+):/+(.+)")
"""Two letters at least: one is a drive of Windows. One slash, since a path that was made of it has no more."""
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_SHEETS = (".xlsx", ".xls", ".ods", ".numbers")

EXPECTED = f"a folder with one sub-folder a class, or a file ending in {', '.join(READERS)}"


def refuse_what_cannot_be_read(given: str, path: Path) -> None:
    """Say what is wrong with a source that is neither a folder nor a table.

    Args:
        given: As it was written.
        path: The same, absolute.

    Raises:
        InputError: It is neither.
    """
    if network := _ADDRESS.search(given):
        found = f"{network[1]}://{network[2]} is an address on the network"
        raise _refused(found, "a folder or table on this machine", "fetch it first")
    try:
        there, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError) as error:
        raise _refused(f"no such file or folder: {given[:80]}... ({getattr(error, 'strerror', error)})") from None
    if not there:
        found = f"{given} is a link to nothing" if path.is_symlink() else f"no such file or folder: {given}"
        raise InputError(found, setting="data.source", nearest=_neighbour(path))
    if not is_folder and path.suffix.lower() not in READERS:
        ending = f"ending in {path.suffix!r}" if path.suffix else "without an ending"
        raise _refused(f"{given} is a file {ending}", EXPECTED, _mend(path.suffix.lower()))


def _refused(what: str, expected: str | None = None, mend: str | None = None) -> InputError:
    return InputError(what, setting="data.source", expected=expected, mend=mend)


def _mend(suffix: str) -> str | None:
    if suffix in _ARCHIVES:
        return "unpack it"
    if suffix in _SHEETS:
        return "save it as CSV in UTF-8"
    if suffix in SUFFIXES:
        return "name the folder that holds the folders of the classes"
    return {".json": "write it as .jsonl, one object a line", ".txt": "rename it, if it is a table"}.get(suffix)


def _neighbour(path: Path) -> str | None:
    parent = path.parent
    names = [entry.name for entry in parent.iterdir() if entry.exists()] if parent.is_dir() else []
    name = nearest_name(path.name, names)
    return str(parent / name) if name else None
