"""Facts of pictures are kept from one look to the next, by path, size and time, in the user's cache folder."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sfumato.data.cache_folder import cache_folder, recall, remember
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
        known = recall(self.path, SCHEMA)
        return pl.DataFrame(schema=SCHEMA) if known is None else known

    def write(self, facts: pl.DataFrame) -> None:
        """Replace what is known, in one step: a reader sees the old file or the new one, whole."""
        lasting = facts.filter(pl.col("bytes").is_not_null() & ~pl.col("code").is_in(FLEETING).fill_null(value=False))
        remember(self.path, lasting)


def cache_of(source: str | Path) -> FactsCache:
    """The cache of a data source, by its absolute path; never beside the user's files."""
    digest = hashlib.sha256(os.fsencode(Path(source).expanduser().absolute())).hexdigest()[:20]
    return FactsCache(cache_folder() / "facts" / f"v{VERSION}-{digest}.parquet")
