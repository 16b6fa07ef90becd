"""A file of thumbnails: one process fills it, closes it in one step, and from then on it is only read.

A segment is three files: NAME.fine and NAME.coarse hold the thumbnails, one behind the other; NAME.parquet says whose
they are. That one is written last, when the others are safe on the disk: without it there is no segment.
"""

import os
import tempfile
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.data.addresses import Stamp
from sfumato.data.cache_folder import recall, remember
from sfumato.data.duplicates.fingerprint import COARSE, SIDE, Fingerprint, Thumbnails, chunks, coarse_of

CAPACITY = 65_536
"""Pictures of one segment, 1.1 GB: so much is lost where a process is killed, and given up at once to make room."""
SCHEMA: dict[str, Any] = {
    "image": pl.String,  # its address
    "bytes": pl.Int64,  # size of its file
    "mtime_ns": pl.Int64,
    "digest": pl.Binary,
    "side": pl.Int32,
    "flat": pl.Boolean,
    "check": pl.UInt32,  # CRC-32 of both thumbnails
}
"""Columns of an index, one row a picture, in the order of the thumbnails."""
SUFFIXES = (".parquet", ".fine", ".coarse")
Integers = NDArray[np.int64]
CHECKED_AT_ONCE = 512


class NewSegment:
    """A segment that is being filled.

    Raises:
        OSError: Nothing can be written there; so does every method.
    """

    def __init__(self, folder: Path) -> None:
        handle, name = tempfile.mkstemp(dir=folder, suffix=".fine")
        self.path = Path(name).with_suffix(".parquet")
        self._fine, self._coarse = os.fdopen(handle, "wb"), self.path.with_suffix(".coarse").open("wb")
        self._rows: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, image: str, stamp: Stamp, of: Fingerprint) -> None:
        """Append the thumbnails of one picture."""
        coarse = coarse_of(of.thumbnail)
        self._fine.write(of.thumbnail.tobytes())
        self._coarse.write(coarse.tobytes())
        self._rows.append((image, *stamp, of.digest, of.side, of.flat, _check(of.thumbnail, coarse)))

    def close(self) -> "Segment":
        """Put it on the disk, whole, and open it for reading. Without room for its index only this process has it."""
        for file in (self._fine, self._coarse):
            file.flush()
            os.fsync(file.fileno())
            file.close()
        index = pl.DataFrame(self._rows, schema=SCHEMA, orient="row")
        remember(self.path, index)
        return Segment(self.path, len(index), None if self.path.exists() else index)

    def give_up(self) -> None:
        """Leave nothing behind."""
        for file in (self._fine, self._coarse):
            try:
                file.close()
            except OSError:  # what was still to be written did not fit
                continue
        remove(self.path)


class Segment:
    """A segment that is read. Its data files stay open: whoever makes room may remove them meanwhile.

    Args:
        path: Of its index.
        rows: How many pictures it holds.
        index: Where it could not be kept; else it is read when it is asked for, and takes no memory until then.

    Raises:
        OSError: It is not there, or shorter than its index says.
    """

    def __init__(self, path: Path, rows: int, index: pl.DataFrame | None = None) -> None:
        self.path, self._rows, self._index = path, rows, index
        fine, coarse = path.with_suffix(".fine"), path.with_suffix(".coarse")
        for file, size in ((fine, SIDE**2), (coarse, COARSE**2)):
            if file.stat().st_size < rows * size:
                raise OSError(f"{file} is too short")
        self._fine, self._coarse = fine.open("rb"), coarse.open("rb")

    @property
    def index(self) -> pl.DataFrame:
        """Whose thumbnails these are; nobody's where it was removed meanwhile."""
        index = self._index if self._index is not None else recall(self.path, SCHEMA)
        return pl.DataFrame(schema=SCHEMA) if index is None else index

    def close(self) -> None:
        """Let go of its files."""
        self._fine.close()
        self._coarse.close()

    def thumbnails(self, places: Integers) -> Thumbnails:
        """(len(places), SIDE, SIDE) of the pictures in those rows of the index."""
        # a map that stayed open would count every page it ever touched as memory of this process
        return np.asarray(np.memmap(self._fine, np.uint8, "r", shape=(self._rows, SIDE, SIDE))[places])

    def coarse(self, places: Integers) -> Thumbnails:
        """(len(places), COARSE, COARSE) of the same."""
        return np.asarray(np.memmap(self._coarse, np.uint8, "r", shape=(self._rows, COARSE, COARSE))[places])

    def sound(self, places: Integers, checks: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """(len(places),) whether the thumbnails are those whose checks the index holds."""
        found = np.zeros(len(places), dtype=np.uint32)
        for part in chunks(len(places), CHECKED_AT_ONCE):
            pairs = zip(self.thumbnails(places[part]), self.coarse(places[part]), strict=True)
            found[part] = [_check(thumbnail, coarse) for thumbnail, coarse in pairs]
        return found == checks


def open_segment(path: Path) -> Segment | None:
    """The segment of an index; None where it is damaged."""
    index = recall(path, SCHEMA)
    try:
        return None if index is None or not len(index) else Segment(path, len(index))
    except OSError:
        return None


def size_of(path: Path) -> int:
    """Bytes that the segment of an index takes."""
    files = [path.with_suffix(suffix) for suffix in SUFFIXES]
    return sum(file.stat().st_size for file in files if file.is_file())


def remove(path: Path) -> None:
    """Remove the segment of an index; the index first, so that no half is ever taken for a whole."""
    for suffix in SUFFIXES:
        path.with_suffix(suffix).unlink(missing_ok=True)


def _check(thumbnail: Thumbnails, coarse: Thumbnails) -> int:
    return crc32(np.ascontiguousarray(coarse).data, crc32(np.ascontiguousarray(thumbnail).data))
