"""Decoded pictures kept in memory while they fit, so that each file is decoded once and not once an epoch."""

import contextlib
import time
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np

from sfumato.data.decoded_cache import DecodedCache, shrunk
from sfumato.data.images import Pixels, decode_lean

GIGABYTE = 2**30
_SCALED = "\0scaled"
"""Ends the key of a picture that was decoded at a fraction of its size; no path has such a letter."""


class Pictures:
    """Decodes, and remembers what fits into `limit` bytes. What it gives is the same either way.

    Grey pictures are kept as one channel. Worker processes that are forked later share what is kept by then; what they
    add is their own. Pickled, it takes its settings along and none of the pictures.

    Args:
        limit: Bytes that may be kept.
        least: Pixels of a side that training needs of a picture; larger JPEGs are decoded at a fraction for it. None =
            it sees what everything else does.
        cache: What keeps pictures small on the disk for training. None = nothing does.
    """

    def __init__(self, limit: float, least: int | None = None, cache: DecodedCache | None = None) -> None:
        self._limit = limit
        self._least = least
        self._cache = cache
        self._kept: dict[str, Pixels] = {}
        self._lock = Lock()
        self.bytes = 0
        """Bytes in use."""
        self.since = time.time_ns()
        """When it began: what it holds of a file that changed since may be of before or after."""

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, path: str | Path) -> bool:
        return str(path) in self._kept

    def __reduce__(self) -> tuple[type[Self], tuple[float, int | None, DecodedCache | None]]:
        cache = None if self._cache is None else DecodedCache(self._cache.side)
        return type(self), (self._limit, self._least, cache)

    def emptied(self, limit: float) -> "Pictures":
        """What decodes as this one does, and holds nothing yet."""
        return Pictures(limit, self._least, self._cache)

    def divide(self, processes: int) -> None:
        """Take one share of the room that is left, where so many processes go on with a copy each."""
        self._limit = self.bytes + (self._limit - self.bytes) / processes

    def __call__(self, path: str | Path) -> Pixels:
        """The (H, W, 3) uint8 pixels of a file; as `decode`, which says what it raises."""
        pixels = self.lean(path)  # a colour picture as it is: torch warns of a view that can't be written to
        return pixels if pixels.shape[2] == 3 else np.broadcast_to(pixels, (*pixels.shape[:2], 3))

    def lean(self, path: str | Path, *, trains: bool = False) -> Pixels:
        """The same, (H, W, 1) of a grey picture; where it `trains`, of a large JPEG maybe a smaller one."""
        if trains and self._cache is not None:
            return self._small(path, self._cache)
        least = self._least if trains else None
        key = str(path) if least is None else f"{path}{_SCALED}"
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        pixels = decode_lean(path, least)
        self.keep(key, pixels)
        return pixels

    def look(self, path: str | Path) -> None:
        """See whether a picture can be used; one that is on the disk was. As `decode`, which says what it raises."""
        if self._cache is None:
            if str(path) not in self._kept:
                self._keep_small(str(path), decode_lean(path))
            return
        with contextlib.suppress(OSError):
            if self._cache.get(path) is not None:
                return
        pixels = self.lean(path)
        with contextlib.suppress(OSError):
            self._cache.put(path, pixels)

    def _keep_small(self, path: str, pixels: Pixels) -> None:
        """Remember a picture that was looked at, unless training, if it trains, would decode it anew and smaller."""
        if self._least is None or min(pixels.shape[:2]) < 2 * self._least:
            self.keep(path, pixels)

    def settle(self) -> None:
        """All pictures were looked at: let what is on the disk be found."""
        if self._cache is not None:
            self._cache.settle()

    def _small(self, path: str | Path, cache: DecodedCache) -> Pixels:
        """A picture as training sees it, from the disk or, where it has no room, made small anew."""
        with contextlib.suppress(OSError):
            found = cache.get(path)
            if found is not None:
                return found
        return shrunk(self.lean(path), cache.side)

    def keep(self, key: str, pixels: Pixels) -> None:
        """Remember the (H, W, 3) or (H, W, 1) uint8 pixels of a picture that was decoded, if there is room for them."""
        if self.bytes >= self._limit:
            return
        grey = pixels.shape[2] == 3 and bool((pixels[:, :, :1] == pixels).all())
        kept = pixels[:, :, :1].copy() if grey else pixels
        with self._lock:
            if key not in self._kept and self.bytes + kept.nbytes <= self._limit:
                self._kept[key] = kept
                self.bytes += kept.nbytes
