"""Samples whose pictures are copies of each other form clusters, which a split keeps together."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

import polars as pl

from sfumato.data.addresses import pictures_of
from sfumato.data.duplicates.collecting import collect
from sfumato.data.duplicates.fingerprint_cache import FingerprintCache
from sfumato.data.duplicates.pairs_cache import remembered
from sfumato.data.duplicates.search import clusters, find_duplicates
from sfumato.data.pictures import Pictures
from sfumato.data.progress import Progress
from sfumato.data.table import Table


def with_clusters(table: Table, pictures: Pictures, stages: Callable[[str], Progress]) -> Table:
    """The table with the cluster of each sample that has a copy: the smallest id among them. Null = none has."""
    addresses = cast(list[str], pictures_of(table)["image"].drop_nulls().unique().sort().to_list())
    pairs = remembered(addresses, partial(_search, addresses, pictures, stages))
    named = pictures_of(table).filter(pl.col("image").is_not_null())
    linked = pairs.join(named, left_on="a", right_on="image").join(named, left_on="b", right_on="image")
    links = linked.select(pl.col("id").alias("a"), pl.col("id_right").alias("b")).filter(pl.col("a") != pl.col("b"))
    return replace(table, rows=_named_after_clusters(table.rows, links))


def _named_after_clusters(rows: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    ids = cast(list[str], pl.concat([links["a"], links["b"]]).unique().sort().to_list())
    found = pl.DataFrame({"id": ids, "cluster": clusters(links, ids)}, schema={"id": pl.String, "cluster": pl.String})
    order = rows.columns
    return rows.drop("cluster").join(found, on="id", how="left").sort("id").select(order)


def _search(addresses: list[str], pictures: Pictures, stages: Callable[[str], Progress]) -> pl.DataFrame:
    with FingerprintCache() as cache:
        prints = collect(addresses, pictures, cache, stages("looking at the detail of every picture"))
        return find_duplicates(prints, stages("looking for copies"))
