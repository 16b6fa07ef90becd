"""Pairs of duplicates are remembered: the search depends on the pictures alone, and they seldom change."""

import hashlib
from collections.abc import Callable, Sequence

import polars as pl

from sfumato.data.addresses import stamps_of
from sfumato.data.cache_folder import cache_folder, recall, remember
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
    known = recall(path, SCHEMA)
    if known is not None:
        return known
    pairs = search()
    remember(path, pairs)
    return pairs


def _key(addresses: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for address, *stamp in stamps_of(sorted(addresses)).iter_rows():
        digest.update(f"{address}\0{stamp}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()[:32]
