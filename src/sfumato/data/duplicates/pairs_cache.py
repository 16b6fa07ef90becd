"""Pairs of duplicates are remembered: the search depends on the pictures alone, and they seldom change."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from sfumato.data.addresses import stamp_of
from sfumato.data.cache_folder import cache_folder
from sfumato.data.duplicates.search import SCHEMA

VERSION = 1
"""Raised whenever pairs are found differently."""


def remembered(addresses: Sequence[str], search: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """What `search` finds among pictures, or what it found when they were last what they are now.

    Args:
        addresses: Of the pictures, each once.
        search: Gives pairs of addresses (a, b, kind, similarity).
    """
    path = cache_folder() / "pairs" / f"v{VERSION}-{_key(addresses)}.parquet"
    with contextlib.suppress(OSError, PolarsError):
        known = pl.read_parquet(path)
        if known.schema == pl.Schema(SCHEMA):
            return known
    pairs = search()
    with contextlib.suppress(OSError, PolarsError):
        _write(pairs, path)
    return pairs


def _key(addresses: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for address in sorted(addresses):
        digest.update(f"{address}\0{stamp_of(address)}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()[:32]


def _write(pairs: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".new")
    os.close(handle)
    try:
        pairs.write_parquet(name)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
