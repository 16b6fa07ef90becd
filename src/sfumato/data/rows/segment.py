"""A file of arrays: one process fills it, closes it in one step, and from then on it is mapped and only read.

A segment is two files: NAME.rows holds the arrays, one behind the other; NAME.parquet says whose they are. That one is
written last, when the other is safe on the disk: without it there is no segment.
"""

import os
import tempfile
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, cast
from zlib import crc32

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.data.cache_folder import recall, remember

KEY_BYTES = 16
SCHEMA: dict[str, Any] = {
    "key": pl.Binary,  # KEY_BYTES
    "offset": pl.Int64,  # bytes
    "shape": pl.List(pl.Int32),
    "check": pl.UInt32,  # CRC-32
}
"""Columns of an index, one row an array."""
Array = NDArray[Any]
Keys = NDArray[np.bytes_]


def keys_of(digests: list[bytes]) -> Keys:
    """(N,) keys of KEY_BYTES bytes each, as numpy compares them."""
    return np.frombuffer(b"".join(digests), dtype=f"S{KEY_BYTES}")


class NewSegment:
    """A segment that is being filled.

    Raises:
        OSError: Nothing can be written there; so does every method.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".rows")
        self._file, self.path = os.fdopen(handle, "wb"), Path(name).with_suffix(".parquet")
        self._rows: list[tuple[bytes, int, list[int], int]] = []
        self.bytes = 0
        """Written so far."""

    def add(self, key: bytes, row: Array) -> None:
        """Append an array."""
        data = np.ascontiguousarray(row).tobytes()
        self._file.write(data)
        self._rows.append((key, self.bytes, list(row.shape), crc32(data)))
        self.bytes += len(data)

    def close(self) -> None:
        """Put it on the disk, whole; from now on others find it.

        Raises:
            OSError: There was no room for its index, too.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        remember(self.path, pl.DataFrame(self._rows, schema=SCHEMA, orient="row"))
        if not self.path.is_file():  # a full disk forgets without a word, and the arrays would lie there for a day
            raise OSError(f"{self.path} could not be written")

    def give_up(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):  # what was still to be written did not fit
            self._file.close()
        remove(self.path)


class Segment:
    """A segment that is read. It stays mapped: whoever makes room may remove its files meanwhile.

    Args:
        path: Of its index.
        dtype: Of its arrays.

    Raises:
        OSError: It is not there, damaged, or shorter than its index says.
    """

    def __init__(self, path: Path, dtype: type[np.generic]) -> None:
        index = recall(path, SCHEMA)
        if index is None or not len(index):
            raise OSError(f"{path} is damaged")
        index = index.sort("key")
        self.path, self._dtype = path, np.dtype(dtype)
        self._keys = keys_of(cast(list[bytes], index["key"].to_list()))
        self._offsets = index["offset"].to_numpy()
        self._shapes = cast(list[list[int]], index["shape"].to_list())
        self._checks = index["check"].to_numpy()
        self._sound = np.zeros(len(index), dtype=bool)
        # copy on write: nothing is ever written, and torch warns of arrays that could not be
        self._data = np.memmap(path.with_suffix(".rows"), np.uint8, "c")
        if len(self._data) < max(self._ends()):
            raise OSError(f"{path} is too short")

    def places(self, keys: Keys) -> NDArray[np.int64]:
        """(N,) place of each key; -1 where it is not here."""
        found = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[found] == keys, found, -1)

    def row(self, place: int) -> Array | None:
        """The array at a place, as it lies on the disk; None where that is no longer what was written."""
        start = int(self._offsets[place])
        data = self._data[start : start + self._size(place)]
        if not self._sound[place]:
            if crc32(data.data) != self._checks[place]:
                return None
            self._sound[place] = True
        return cast(Array, data.view(self._dtype).reshape(self._shapes[place]))

    def _size(self, place: int) -> int:
        return prod(self._shapes[place]) * self._dtype.itemsize

    def _ends(self) -> list[int]:
        return [int(start) + self._size(place) for place, start in enumerate(self._offsets)]


def size_of(path: Path) -> int:
    """Bytes that the segment of an index takes."""
    files = [path, path.with_suffix(".rows")]
    return sum(file.stat().st_size for file in files if file.is_file())


def remove(path: Path) -> None:
    """Remove the segment of an index; the index first, so that no half is ever taken for a whole."""
    path.unlink(missing_ok=True)
    path.with_suffix(".rows").unlink(missing_ok=True)
