"""Which samples of one table show a picture of another: the same file, or another with the same bytes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from sfumato.data.addresses import pictures_of, stamps_of
from sfumato.data.shards import is_inside
from sfumato.data.table import Table


def shared(table: Table, others: Sequence[Table]) -> list[str]:
    """Ids of the samples of `table` of which a picture stands in one of the others.

    Files of one size are compared by their SHA-256; a picture inside a Parquet file is known by its place alone.
    """
    mine = pictures_of(table).drop_nulls("image")
    theirs = pl.concat([pictures_of(other) for other in others]).drop_nulls("image").unique("image")
    same_place = mine.join(theirs, on="image", how="semi")
    rest = _files(mine.join(theirs, on="image", how="anti"))
    there = _files(theirs).join(rest, on="bytes", how="semi")
    rest = rest.join(there, on="bytes", how="semi")
    known = set(_digests(there))
    copies = [name for name, digest in zip(rest["id"], _digests(rest), strict=True) if digest in known]
    return sorted({*same_place["id"], *copies})


def _files(pictures: pl.DataFrame) -> pl.DataFrame:
    """Those that are files of their own and are there, each with its size."""
    alone = pictures.filter(~pl.col("image").map_elements(is_inside, return_dtype=pl.Boolean))
    sizes = stamps_of(alone["image"].to_list()).select("image", "bytes").unique("image")
    return alone.join(sizes, on="image").drop_nulls("bytes")


def _digests(files: pl.DataFrame) -> list[bytes]:
    return [hashlib.sha256(Path(image).read_bytes()).digest() for image in files["image"]]
