"""A store of arrays in the user's cache folder: bounded, and safe under several processes and a kill.

What is damaged or half-written is as if there were none; processes write segments of their own, and at worst compute
the same array twice. A full disk only forgets. Segments that were used last stay.
"""

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

import numpy as np

from sfumato.data.cache_folder import cache_folder
from sfumato.data.rows import segment
from sfumato.data.rows.segment import Array, NewSegment, Segment, keys_of

SEGMENT_BYTES = 256 * 2**20
"""Closed when it is as large: so much is lost where a process is killed."""
ABANDONED = 24 * 3600
"""Seconds without a change, after which a segment without an index is what a killed process left."""


class RowStore:
    """Arrays of one type under keys of 16 bytes. Closed by `with`: what was added is then there for others.

    A process that is forked off shares what was found by then.

    Args:
        kind: Folder of all stores that share one bound, below the cache folder.
        name: What tells this one from others of its kind; it holds all that its arrays depend on but their keys.
        dtype: Of the arrays.
        most_bytes: That all stores of its kind may take; and at most half of what the disk would have without them.
    """

    def __init__(self, kind: str, name: str, dtype: type[np.generic], most_bytes: float) -> None:
        self.root = cache_folder() / kind
        self.folder = self.root / name
        self._dtype, self._most = dtype, most_bytes
        self._segments = [one for path in sorted(self.folder.glob("*.parquet")) if (one := _opened(path, dtype))]
        self._new: NewSegment | None = None
        self._lock = Lock()
        self._full = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def find(self, keys: Sequence[bytes]) -> list[Array | None]:
        """The array of each key, as it lies on the disk; None where there is none."""
        found: list[Array | None] = [None] * len(keys)
        wanted = keys_of(list(keys))
        for one in self._segments if len(keys) else []:
            places = one.places(wanted)
            for row in np.flatnonzero(places >= 0).tolist():
                found[row] = one.row(int(places[row])) if found[row] is None else found[row]
        return found

    def add(self, key: bytes, row: Array) -> None:
        """Keep an array. A full disk keeps no more."""
        with self._lock:
            if self._full:
                return
            try:
                self._new = self._new or NewSegment(self.folder)
                self._new.add(key, row.astype(self._dtype, copy=False))
                if self._new.bytes >= SEGMENT_BYTES:
                    self._close_new()
            except OSError:
                self._give_up()

    def close(self) -> None:
        """Put what was added where others find it, and remove what was used longest ago, if there is too much."""
        with self._lock:
            try:
                self._close_new()
            except OSError:
                self._give_up()
        for one in self._segments:
            with suppress(OSError):
                os.utime(one.path)
        with suppress(OSError):
            _make_room(self.root, self._most)

    def reopen(self) -> None:
        """Find what was added since, by this process and others."""
        known = {one.path for one in self._segments}
        new = [path for path in sorted(self.folder.glob("*.parquet")) if path not in known]
        self._segments += [one for path in new if (one := _opened(path, self._dtype))]

    def _close_new(self) -> None:
        if self._new is not None:
            self._new.close()
            self._new = None

    def _give_up(self) -> None:
        self._full = True
        if self._new is not None:
            self._new.give_up()
            self._new = None


def _opened(path: Path, dtype: type[np.generic]) -> Segment | None:
    try:
        return Segment(path, dtype)
    except (OSError, ValueError):
        return None


def _make_room(root: Path, most_bytes: float) -> None:
    """Remove what was used longest ago, as far as there is too much, and what killed processes left."""
    indices = sorted(root.rglob("*.parquet"), key=lambda path: path.stat().st_mtime, reverse=True)
    sizes = [segment.size_of(path) for path in indices]
    most = min(most_bytes, (sum(sizes) + shutil.disk_usage(root).free) / 2)
    for path, upto in zip(indices, np.cumsum(sizes).tolist(), strict=True):
        if upto > most:
            segment.remove(path)
    for path in root.rglob("*.*"):
        indexed = path.suffix == ".parquet" or path.with_suffix(".parquet").exists()
        if not indexed and time.time() - path.stat().st_mtime > ABANDONED:
            path.unlink(missing_ok=True)
