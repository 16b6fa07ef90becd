"""The pictures of a table by their addresses, and what tells the file of one from its later self."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from sfumato.data.shards import file_of
from sfumato.data.table import Table

AT_ONCE = 1024
"""Files that a thread asks about in turn: to hand over each alone would take longer than the answer."""
STAMPED: dict[str, Any] = {"image": pl.String, "bytes": pl.Int64, "mtime_ns": pl.Int64}


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


def outside(addresses: Iterable[str], folder: Path) -> list[str]:
    """The addresses that lie outside of a folder as they are written: links are not followed."""
    root = f"{os.path.normpath(folder.absolute())}{os.sep}"
    odd = (one for one in addresses if ".." in one or not one.startswith(root))  # to ask of every one would take long
    return [one for one in odd if not os.path.normpath(one).startswith(root)]


def stamp_of(address: str) -> Stamp | None:
    """Size and time of the file an address lies in; None where there is none to be seen."""
    try:
        status = file_of(address).stat()
    except (OSError, ValueError):
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def stamps_of(addresses: Sequence[str]) -> pl.DataFrame:
    """(N rows) the stamp of each address, with the columns of STAMPED; null where there is none."""
    parts = [addresses[start : start + AT_ONCE] for start in range(0, len(addresses), AT_ONCE)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return pl.concat([pl.DataFrame(schema=STAMPED), *pool.map(_stamps, parts)])


def _stamps(addresses: Sequence[str]) -> pl.DataFrame:
    stamps = [stamp_of(address) or (None, None) for address in addresses]
    rows = [(address, *stamp) for address, stamp in zip(addresses, stamps, strict=True)]
    return pl.DataFrame(rows, schema=STAMPED, orient="row")
