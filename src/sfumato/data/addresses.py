"""The pictures of a table by their addresses, and what tells the file of one from its later self."""

from typing import NamedTuple

import polars as pl

from sfumato.data.shards import file_of
from sfumato.data.table import Table


class Stamp(NamedTuple):
    """What changes when a file does."""

    bytes: int
    mtime_ns: int


def pictures_of(table: Table) -> pl.DataFrame:
    """One row a picture: `id` of its sample, `image`, its address, and `place`, 0 for a sample's first picture.

    A sample without pictures has one row, whose address is null.
    """
    nothing = pl.lit([None], dtype=pl.List(pl.String))
    images = pl.when(pl.col("images").list.len() == 0).then(nothing).otherwise("images")
    pictures = table.rows.select("id", images.alias("image")).explode("image")
    return pictures.with_columns(place=pl.int_range(pl.len()).over("id"))


def stamp_of(address: str) -> Stamp | None:
    """Size and time of the file an address lies in; None where there is none to be seen."""
    try:
        status = file_of(address).stat()
    except (OSError, ValueError):
        return None
    return Stamp(status.st_size, status.st_mtime_ns)
