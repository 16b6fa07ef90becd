"""All pictures of a table are looked at, in parallel, and only those that are new or have changed."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import cast

import polars as pl

from sfumato.data.addresses import Stamp, stamps_of
from sfumato.data.duplicates.fingerprint_cache import FingerprintCache
from sfumato.data.health.cache import FactsCache
from sfumato.data.health.facts import Facts, facts_frame
from sfumato.data.health.inspection import Keep, inspect
from sfumato.data.parallel import in_parallel
from sfumato.data.progress import Progress

CHUNK = 1024
"""Pictures whose facts become one piece of the table: bounds how many thumbnails are in memory."""


def survey(
    addresses: Sequence[str],
    cache: FactsCache,
    prints: FingerprintCache,
    progress: Progress,
    workers: int | None = None,
    keep: Keep | None = None,
) -> pl.DataFrame:
    """Facts of every picture, one row an address, sorted by address.

    Args:
        addresses: May repeat; each is decoded at most once.
        cache: What was known before; it is brought up to date, also when the survey is interrupted.
        prints: Keeps the fingerprints of what is decoded.
        progress: Sees one item a picture that is decoded.
        workers: Threads; None = as many as processors. The facts do not depend on it.
        keep: Is given the pixels of what is decoded.
    """
    wanted = sorted(set(addresses))
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        known = _still_true(cache.read(), wanted)
        have = set(cast(list[str], known["image"].to_list()))
        new = [address for address in wanted if address not in have]
        frames = [known]
        try:
            looked = in_parallel(partial(inspect, keep=keep), new, pool)
            for chunk in _chunks(progress(looked, len(new))):
                frames.append(facts_frame(chunk))
                _keep_fingerprints(chunk, prints)
        finally:
            facts = pl.concat(frames).sort("image")
            if len(frames) > 1:
                cache.write(facts)
    return facts


def _chunks(facts: Iterable[Facts]) -> Iterator[list[Facts]]:
    items = iter(facts)
    while chunk := list(islice(items, CHUNK)):
        yield chunk


def _keep_fingerprints(facts: list[Facts], prints: FingerprintCache) -> None:
    for one in facts:
        if one.fingerprint is not None and one.bytes is not None and one.mtime_ns is not None:
            prints.add(one.image, Stamp(one.bytes, one.mtime_ns), one.fingerprint)


def _still_true(cached: pl.DataFrame, wanted: list[str]) -> pl.DataFrame:
    """The cached facts of wanted files whose size and time are what they were."""
    now = stamps_of(wanted)
    return cached.join(now, on=now.columns, how="semi")
