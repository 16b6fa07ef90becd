"""Fingerprints are kept on the disk from one look to the next, for checks and for training alike.

They take 17 KB a picture, too much for the memory where there are many. The cache holds at most MOST_BYTES, and at most
half of the space that the disk would have without it; segments that were used last stay. While a search lasts, the
pictures it is about may take more.
"""

import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.data.addresses import Stamp, stamps_of
from sfumato.data.cache_folder import cache_folder
from sfumato.data.duplicates import segment
from sfumato.data.duplicates.fingerprint import COARSE, DIGEST_BYTES, SIDE, Fingerprint, Thumbnails
from sfumato.data.duplicates.segment import NewSegment, Segment, open_segment
from sfumato.errors import InputError

VERSION = 1
"""Raised whenever a fingerprint is computed differently."""
MOST_BYTES = 20 * 2**30
"""1.2 million pictures."""
MOST_SEGMENTS = 64
"""So that all can be open at once; each check that sees new pictures makes at least one."""
ABANDONED = 24 * 3600
"""Seconds without a change, after which a segment without an index is what a killed process left."""
PLACES: dict[str, Any] = {
    "image": pl.String,
    "segment": pl.Int32,
    "place": pl.Int32,
    "digest": pl.Binary,
    "side": pl.Int32,
    "flat": pl.Boolean,
}
"""Columns of a table of places: where the fingerprint of each picture is kept."""
Integers = NDArray[np.int64]


class FingerprintCache:
    """The fingerprints of all pictures ever looked at, as far as they fit; closed by `with`.

    What is damaged or half-written is as if there were none; two processes write segments of their own. Where the cache
    folder can't be written, what is added lasts as long as this.
    """

    def __init__(self) -> None:
        self.folder = cache_folder() / "fingerprints" / f"v{VERSION}"
        self._temporary: TemporaryDirectory[str] | None = None
        self._new: NewSegment | None = None
        self._found: list[Segment] | None = None
        self._own: list[Segment] = []
        self._failed: OSError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_new()
        for one in (*self._own, *(self._found or ())):
            one.close()
        if self._temporary is not None:
            self._temporary.cleanup()
        with suppress(OSError):
            _make_room(self.folder)

    def add(self, image: str, stamp: Stamp, of: Fingerprint) -> None:
        """Keep the fingerprint of the picture at an address, whose file had that stamp. A full disk keeps no more."""
        if self._failed is not None:
            return
        try:
            self._new = self._new or self._new_segment()
            self._new.add(image, stamp, of)
        except OSError as error:
            self._give_up(error)
        if self._new is not None and len(self._new) >= segment.CAPACITY:
            self._close_new()

    def places(self, addresses: Sequence[str]) -> pl.DataFrame:
        """Where the fingerprints of those pictures are, as far as they are kept and their files have not changed."""
        self._close_new()
        wanted = stamps_of(addresses)
        found = pl.DataFrame(schema=PLACES)
        for number, one in enumerate(self._segments()):
            here = one.index.with_row_index("place").join(wanted, on=["image", "bytes", "mtime_ns"], how="semi")
            here = here.filter(~pl.col("image").is_in(found["image"].implode())).unique("image", maintain_order=True)
            if len(here):
                here = here if one in self._own else _sound(one, here)
                here = here.with_columns(pl.lit(number, pl.Int32).alias("segment"), pl.col("place").cast(pl.Int32))
                found.extend(here.select(found.columns))
        return found

    def fingerprints(self, addresses: Sequence[str], places: pl.DataFrame) -> "KeptFingerprints":
        """The fingerprints of those pictures, in their order, from tables that `places` gave."""
        return KeptFingerprints(addresses, places, self._segments())

    def refuse_lost(self) -> None:
        """Raise an error where what was added could not be kept.

        Raises:
            InputError: Neither the cache folder nor that of temporary files has room.
        """
        if self._failed is not None:
            raise InputError(
                f"no room for what finds near-duplicates: {self._failed.strerror or self._failed}",
                where=str(self._folder()),
                expected="17 KB a picture",
                mend="free some space, or name a folder on another disk with XDG_CACHE_HOME",
            )

    def _segments(self) -> list[Segment]:
        """Those found when first asked, then own ones: the number of a segment stays what it is."""
        if self._found is None:
            own = {one.path for one in self._own}
            found = [open_segment(path) for path in sorted(self.folder.glob("*.parquet")) if path not in own]
            self._found = [one for one in found if one is not None]
        return [*self._found, *self._own]

    def _folder(self) -> Path:
        return Path(self._temporary.name) if self._temporary is not None else self.folder

    def _new_segment(self) -> NewSegment:
        try:
            self._folder().mkdir(parents=True, exist_ok=True)
            return NewSegment(self._folder())
        except OSError:
            self._temporary = self._temporary or TemporaryDirectory(prefix="sfumato-")
            return NewSegment(self._folder())

    def _close_new(self) -> None:
        new, self._new = self._new, None
        if new is not None:
            try:
                self._own.append(new.close())
            except OSError as error:
                self._new = new
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._failed = error
        if self._new is not None:
            self._new.give_up()
            self._new = None


class KeptFingerprints:
    """The fingerprints of N pictures, of which the thumbnails stay in the cache."""

    def __init__(self, ids: Sequence[str], places: pl.DataFrame, segments: Sequence[Segment]) -> None:
        self.ids = list(ids)
        here = pl.DataFrame({"image": self.ids}, schema={"image": pl.String})
        here = here.join(places, on="image", how="left", maintain_order="left").drop("image")
        self.present: NDArray[np.bool_] = here["place"].is_not_null().to_numpy()
        self.sides: NDArray[np.int32] = here["side"].fill_null(0).to_numpy()
        self.flat: NDArray[np.bool_] = here["flat"].fill_null(value=False).to_numpy()
        digests = b"".join(here["digest"].fill_null(bytes(DIGEST_BYTES)))
        self.digests = np.frombuffer(digests, dtype=np.uint8).reshape(-1, DIGEST_BYTES)
        self._segment = here["segment"].fill_null(-1).to_numpy()
        self._place = here["place"].fill_null(0).to_numpy().astype(np.int64)
        self._segments = segments

    def __len__(self) -> int:
        return len(self.ids)

    def thumbnails(self, rows: Integers) -> Thumbnails:
        """(len(rows), SIDE, SIDE) of the given rows."""
        result = np.empty((len(rows), SIDE, SIDE), dtype=np.uint8)
        for number, mine in self._by_segment(rows):
            result[mine] = self._segments[number].thumbnails(self._place[rows[mine]])
        return result

    def coarse(self, rows: Integers) -> Thumbnails:
        """(len(rows), COARSE, COARSE) of the given rows."""
        result = np.empty((len(rows), COARSE, COARSE), dtype=np.uint8)
        for number, mine in self._by_segment(rows):
            result[mine] = self._segments[number].coarse(self._place[rows[mine]])
        return result

    def _by_segment(self, rows: Integers) -> list[tuple[int, Integers]]:
        of_row = self._segment[rows]
        return [(number, np.flatnonzero(of_row == number)) for number in np.unique(of_row).tolist()]


def _sound(one: Segment, here: pl.DataFrame) -> pl.DataFrame:
    """The rows whose thumbnails are what was written. Their segment counts as used."""
    with suppress(OSError):
        os.utime(one.path)
    number = max(1, len(here) // segment.CHECKED_AT_ONCE)
    places = np.array_split(here["place"].to_numpy().astype(np.int64), number)
    checks = np.array_split(here["check"].to_numpy(), number)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return here.filter(pl.Series(np.concatenate(list(pool.map(one.sound, places, checks)))))


def _make_room(folder: Path) -> None:
    """Remove what was used longest ago, as far as the cache is too large, and what killed processes left."""
    indices = sorted(folder.glob("*.parquet"), key=lambda path: path.stat().st_mtime, reverse=True)
    sizes = [segment.size_of(path) for path in indices]
    most = min(MOST_BYTES, (sum(sizes) + shutil.disk_usage(folder).free) // 2)
    for number, (path, upto) in enumerate(zip(indices, np.cumsum(sizes).tolist(), strict=True)):
        if upto > most or number >= MOST_SEGMENTS:
            segment.remove(path)
    for path in folder.iterdir():
        indexed = path.suffix == ".parquet" or path.with_suffix(".parquet").exists()
        if not indexed and time.time() - path.stat().st_mtime > ABANDONED:
            path.unlink(missing_ok=True)
