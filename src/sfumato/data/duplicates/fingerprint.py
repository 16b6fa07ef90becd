"""What is kept of a picture to find its copies: a digest of its pixels and a small grey thumbnail.

Thumbnails take 17 KB each, so those of many pictures stay in files that are read in pieces (`fingerprint_cache`):
decoding the candidates again would cost some milliseconds a pair, a read from a file some microseconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.data.images import Pixels

SIDE = 128
"""Pixels of a thumbnail's side. At 96, unmarked solar cells could no longer be told apart."""
COARSE = 32
"""Pixels of the side of the coarse thumbnail that the search for candidates works on."""
DIGEST_BYTES = 16
LEAST_SIDE = 64
"""Pixels of the shorter side under which only equal pictures are copies: 28 pixels tell one pair of trousers from
another no better than a copy from its source."""
LEAST_CONTRAST = 2.0
"""Grey levels of standard deviation under which a picture is flat: its noise is all there would be to compare."""

Thumbnails = NDArray[np.uint8]


@dataclass(frozen=True)
class Fingerprint:
    """One picture."""

    digest: bytes
    """DIGEST_BYTES bytes; equal for equal height, width and pixels."""
    thumbnail: Thumbnails
    """(SIDE, SIDE) grey, stretched to the full range of 0 to 255."""
    side: int
    """Pixels of the picture's shorter side: how much detail the thumbnail can hold."""
    flat: bool
    """Too little contrast for a near duplicate to be told from any other flat picture."""


def fingerprint(pixels: Pixels) -> Fingerprint:
    """The fingerprint of (H, W, 3) uint8 pixels; about 1 ms for 300 x 300."""
    small = _shrink(pixels)
    low, high = float(small.min()), float(small.max())
    stretched = np.rint((small - low) * (255 / max(high - low, 1e-6)))
    flat = float(small.std()) < LEAST_CONTRAST
    return Fingerprint(_digest(pixels), stretched.astype(np.uint8), min(pixels.shape[:2]), flat)


def _digest(pixels: Pixels) -> bytes:
    shape = np.array(pixels.shape, dtype="<i8").tobytes()
    return blake2b(np.ascontiguousarray(pixels).data, digest_size=DIGEST_BYTES, key=shape).digest()


def _shrink(pixels: Pixels) -> NDArray[np.float32]:
    """(SIDE, SIDE) grey levels with fractions: averages are finer than 8 bits, and weak detail needs it."""
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("L")
    factor = max(1, min(image.size) // (3 * SIDE))
    image = image.reduce(factor) if factor > 1 else image
    return np.asarray(image.convert("F").resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.float32)


def coarse_of(thumbnail: Thumbnails) -> Thumbnails:
    """(COARSE, COARSE) of a thumbnail: the same once more, smaller."""
    r = SIDE // COARSE
    of_rows = thumbnail.reshape(COARSE, r, SIDE).sum(axis=1, dtype=np.float32)
    return np.rint(of_rows.reshape(COARSE, COARSE, r).sum(axis=2) / r**2).astype(np.uint8)


class FingerprintSet(Protocol):
    """The fingerprints of N pictures, wherever their thumbnails are."""

    ids: list[str]
    """N names, each once."""
    digests: Thumbnails
    """(N, DIGEST_BYTES)."""
    present: NDArray[np.bool_]
    """(N,) False for pictures that have none: they are never duplicates."""
    sides: NDArray[np.int32]
    """(N,) pixels of the shorter side."""
    flat: NDArray[np.bool_]
    """(N,) True for pictures that only an equal one can be a duplicate of."""

    def thumbnails(self, rows: NDArray[np.int64]) -> Thumbnails:
        """(len(rows), SIDE, SIDE) of the given rows."""
        ...

    def coarse(self, rows: NDArray[np.int64]) -> Thumbnails:
        """(len(rows), COARSE, COARSE) of the given rows."""
        ...


class Fingerprints:
    """A set in memory, filled one by one in any order and from any thread; 17 KB a picture.

    Args:
        ids: N names, each once.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = list(ids)
        n = len(self.ids)
        self.digests = np.zeros((n, DIGEST_BYTES), dtype=np.uint8)
        self.present = np.zeros(n, dtype=bool)
        self.sides = np.zeros(n, dtype=np.int32)
        self.flat = np.zeros(n, dtype=bool)
        self._thumbnails = np.zeros((n, SIDE, SIDE), dtype=np.uint8)
        self._coarse = np.zeros((n, COARSE, COARSE), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, row: int, of: Fingerprint) -> None:
        """Put the fingerprint of the picture `ids[row]` in its place."""
        self._thumbnails[row], self._coarse[row] = of.thumbnail, coarse_of(of.thumbnail)
        self.digests[row] = np.frombuffer(of.digest, dtype=np.uint8)
        self.sides[row], self.flat[row], self.present[row] = of.side, of.flat, True

    def thumbnails(self, rows: NDArray[np.int64]) -> Thumbnails:
        """As in every set."""
        return self._thumbnails[rows]

    def coarse(self, rows: NDArray[np.int64]) -> Thumbnails:
        """As in every set."""
        return self._coarse[rows]


def chunks(total: int, size: int) -> Iterator[slice]:
    """Slices that cover 0 to total, `size` at a time."""
    return (slice(start, min(start + size, total)) for start in range(0, total, size))
