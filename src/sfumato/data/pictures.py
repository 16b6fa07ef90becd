"""Decoded pictures kept in memory while they fit, so that each file is decoded once and not once an epoch."""

from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np

from sfumato.data.images import Pixels, decode

GIGABYTE = 2**30


class Pictures:
    """Decodes, and remembers what fits into `limit` bytes. What it gives is the same either way.

    Grey pictures are kept as one channel. Worker processes that are forked later share what is kept by then; what they
    add is their own. Pickled, it takes its limit along and none of the pictures.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._kept: dict[str, Pixels] = {}
        self._lock = Lock()
        self.bytes = 0
        """Bytes in use."""

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, path: str | Path) -> bool:
        return str(path) in self._kept

    def __reduce__(self) -> tuple[type[Self], tuple[float]]:
        return type(self), (self._limit,)

    def divide(self, processes: int) -> None:
        """Take one share of the room that is left, where so many processes go on with a copy each."""
        self._limit = self.bytes + (self._limit - self.bytes) / processes

    def __call__(self, path: str | Path) -> Pixels:
        """The (H, W, 3) uint8 pixels of a file; as `decode`, which says what it raises."""
        key = str(path)
        kept = self._kept.get(key)
        if kept is not None:  # a colour picture as it is: torch warns of a view that can't be written to
            return kept if kept.shape[2] == 3 else np.broadcast_to(kept, (*kept.shape[:2], 3))
        pixels = decode(path)
        self.keep(key, pixels)
        return pixels

    def keep(self, key: str, pixels: Pixels) -> None:
        """Remember the (H, W, 3) uint8 pixels of a picture that was decoded, if there is room for them."""
        if self.bytes >= self._limit:
            return
        grey = bool((pixels[:, :, :1] == pixels).all())
        kept = pixels[:, :, :1].copy() if grey else pixels
        with self._lock:
            if self.bytes + kept.nbytes <= self._limit:
                self._kept[key] = kept
                self.bytes += kept.nbytes
