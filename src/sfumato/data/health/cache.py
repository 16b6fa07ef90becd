"""Facts of pictures are kept from one look to the next, by path, size and time, in the user's cache folder."""

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from sfumato.data.cache_folder import cache_folder
from sfumato.data.health.facts import SCHEMA

VERSION = 1
"""Raised whenever a fact is computed differently; older caches are then not looked at."""

FLEETING = ("missing", "no-permission", "folder")
"""Problems that can end without the file changing, and are looked at anew every time."""


@dataclass(frozen=True)
class FactsCache:
    """One Parquet file a source. One that is damaged or can't be written is as if there were none."""

    path: Path

    def read(self) -> pl.DataFrame:
        """What was known when it was last written: a table of facts."""
        with contextlib.suppress(OSError, PolarsError):
            frame = pl.read_parquet(self.path)
            if frame.schema == pl.Schema(SCHEMA):
                return frame
        return pl.DataFrame(schema=SCHEMA)

    def write(self, facts: pl.DataFrame) -> None:
        """Replace what is known, in one step: a reader sees the old file or the new one, whole."""
        lasting = facts.filter(pl.col("bytes").is_not_null() & ~pl.col("code").is_in(FLEETING).fill_null(value=False))
        with contextlib.suppress(OSError, PolarsError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, suffix=".new")
            os.close(handle)
            try:
                lasting.write_parquet(name)
                Path(name).replace(self.path)
            finally:
                Path(name).unlink(missing_ok=True)


def cache_of(source: str | Path) -> FactsCache:
    """The cache of a data source, by its absolute path; never beside the user's files."""
    digest = hashlib.sha256(os.fsencode(Path(source).expanduser().absolute())).hexdigest()[:20]
    return FactsCache(cache_folder() / "facts" / f"v{VERSION}-{digest}.parquet")
