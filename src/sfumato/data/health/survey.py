"""All pictures of a table are looked at, in parallel, and only those that are new or have changed."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import cast

import polars as pl

from sfumato.data.addresses import stamp_of
from sfumato.data.health.cache import FactsCache
from sfumato.data.health.facts import SCHEMA, Facts, facts_frame
from sfumato.data.health.inspection import Keep, inspect
from sfumato.data.progress import Progress

CHUNK = 1024
"""Pictures that are under way at once: bounds memory, and how long an interrupted survey goes on."""


def survey(
    addresses: Sequence[str],
    cache: FactsCache,
    progress: Progress,
    workers: int | None = None,
    keep: Keep | None = None,
) -> pl.DataFrame:
    """Facts of every picture, one row an address, sorted by address.

    Args:
        addresses: May repeat; each is decoded at most once.
        cache: What was known before; it is brought up to date, also when the survey is interrupted.
        progress: Sees one item a picture that is decoded.
        workers: Threads; None = as many as processors. The facts do not depend on it.
        keep: Is given the pixels of what is decoded.
    """
    wanted = sorted(set(addresses))
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        known = _still_true(cache.read(), wanted, pool)
        have = set(cast(list[str], known["image"].to_list()))
        new = [address for address in wanted if address not in have]
        frames = [known]
        try:
            looked = _inspected(new, pool, keep)
            frames.extend(facts_frame(chunk) for chunk in _chunks(progress(looked, len(new))))
        finally:
            facts = pl.concat(frames).sort("image")
            if len(frames) > 1:
                cache.write(facts)
    return facts


def _chunks(facts: Iterable[Facts]) -> Iterator[list[Facts]]:
    items = iter(facts)
    while chunk := list(islice(items, CHUNK)):
        yield chunk


def _inspected(addresses: list[str], pool: ThreadPoolExecutor, keep: Keep | None) -> Iterator[Facts]:
    for start in range(0, len(addresses), CHUNK):
        yield from pool.map(partial(inspect, keep=keep), addresses[start : start + CHUNK])


def _still_true(cached: pl.DataFrame, wanted: list[str], pool: ThreadPoolExecutor) -> pl.DataFrame:
    """The cached facts of wanted files whose size and time are what they were."""
    stamps = [stamp or (None, None) for stamp in pool.map(stamp_of, wanted, chunksize=CHUNK)]
    now = pl.DataFrame(
        {"image": wanted, "bytes": [size for size, _ in stamps], "mtime_ns": [mtime for _, mtime in stamps]},
        schema={name: SCHEMA[name] for name in ("image", "bytes", "mtime_ns")},
    )
    return cached.join(now, on=["image", "bytes", "mtime_ns"], how="semi")
