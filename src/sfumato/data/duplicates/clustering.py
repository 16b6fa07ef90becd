"""Samples whose pictures are copies of each other form clusters, which a split keeps together."""

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import polars as pl

from sfumato.data.addresses import pictures_of
from sfumato.data.duplicates.fingerprint import Fingerprint, Fingerprints, fingerprint
from sfumato.data.duplicates.pairs_cache import remembered
from sfumato.data.duplicates.search import clusters, find_duplicates
from sfumato.data.images import BadImageError
from sfumato.data.pictures import Pictures
from sfumato.data.progress import Progress
from sfumato.data.table import Table

MOST = 200_000
"""Pictures among which near-duplicates are searched: beyond, the thumbnails alone would take 4 GB of disk."""
IN_MEMORY = 20_000
"""Pictures whose thumbnails are kept in memory, 17 KB each; those of more go to a file while the search lasts."""


def with_clusters(table: Table, pictures: Pictures, stages: Callable[[str], Progress]) -> Table:
    """The table with the cluster of each sample that has a copy: the smallest id among them. Null = none has."""
    named = pictures_of(table).filter(pl.col("image").is_not_null())
    addresses = cast(list[str], named["image"].unique().sort().to_list())
    if len(addresses) > MOST:
        note = f"data.split: near-duplicates are not searched among more than {MOST:,} pictures"
        return replace(table, notes=(*table.notes, note))
    pairs = remembered(addresses, partial(_search, addresses, pictures, stages))
    linked = pairs.join(named, left_on="a", right_on="image").join(named, left_on="b", right_on="image")
    links = linked.select(pl.col("id").alias("a"), pl.col("id_right").alias("b")).filter(pl.col("a") != pl.col("b"))
    return replace(table, rows=_named_after_clusters(table.rows, links))


def _named_after_clusters(rows: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    ids = cast(list[str], pl.concat([links["a"], links["b"]]).unique().sort().to_list())
    found = pl.DataFrame({"id": ids, "cluster": clusters(links, ids)}, schema={"id": pl.String, "cluster": pl.String})
    order = rows.columns
    return rows.drop("cluster").join(found, on="id", how="left").sort("id").select(order)


def _search(addresses: list[str], pictures: Pictures, stages: Callable[[str], Progress]) -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        prints = Fingerprints(addresses, Path(folder) / "thumbnails" if len(addresses) > IN_MEMORY else None)
        found = pool.map(partial(_fingerprint, pictures), addresses)
        look = stages("looking at the detail of every picture")
        for row, one in enumerate(look(found, len(addresses))):
            if one is not None:
                prints.add(row, one)
        return find_duplicates(prints, stages("looking for copies"))


def _fingerprint(pictures: Pictures, address: str) -> Fingerprint | None:
    try:
        return fingerprint(pictures(address))
    except BadImageError:
        return None
