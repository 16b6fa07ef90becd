"""Pictures made small and kept decoded on the disk, so that training decodes each once and no more, in all its runs."""

from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from torchvision.transforms.v2 import functional as F  # noqa: N812

from sfumato.data.images import Pixels
from sfumato.data.rows.segment import KEY_BYTES
from sfumato.data.rows.store import RowStore
from sfumato.data.shards import source_of

VERSION = 1
"""Raised whenever a picture is made small differently."""
MOST_BYTES = 50 * 2**30
"""A quarter of a million photographs of 256 pixels."""


class DecodedCache:
    """Small pictures by the content of their files. What a process knows of a file is what it first saw of it.

    Args:
        side: Pixels of the shorter side; pictures that are no larger are kept as they are.
    """

    def __init__(self, side: int) -> None:
        self.side = side
        self._store = RowStore("decoded", f"v{VERSION}-{side}", np.uint8, MOST_BYTES)
        self._keys: dict[str, bytes] = {}

    def get(self, path: str | Path) -> Pixels | None:
        """(H, W, 1 or 3) uint8 of the picture at an address; None where it was never put there, or there was no room.

        Raises:
            OSError: Its file can't be read.
        """
        return self._store.find([self._key(path)])[0]

    def put(self, path: str | Path, pixels: Pixels) -> Pixels:
        """Keep the (H, W, 1 or 3) uint8 pixels of a picture; return them as they are kept."""
        small = shrunk(pixels, self.side)
        self._store.add(self._key(path), small)
        return small

    def settle(self) -> None:
        """Let what was put be found, by this process and by others."""
        self._store.close()
        self._store.reopen()

    def _key(self, path: str | Path) -> bytes:
        name = str(path)
        if name not in self._keys:
            source = source_of(name)
            data = source if isinstance(source, bytes) else source.read_bytes()
            self._keys[name] = blake2b(data, digest_size=KEY_BYTES).digest()
        return self._keys[name]


def shrunk(pixels: Pixels, side: int) -> Pixels:
    """(H, W, C) uint8 -> the same with a shorter side of at most `side` pixels, resampled with antialiasing."""
    height, width = pixels.shape[:2]
    if min(height, width) <= side:
        return pixels
    scale = side / min(height, width)
    size = [max(side, round(height * scale)), max(side, round(width * scale))]
    image = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)
    return np.ascontiguousarray(F.resize(image, size, antialias=True).permute(1, 2, 0).numpy())
