"""What must stay together: samples of one group, and pictures that are nearly the same."""

from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from sfumato.data.table import Table

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def units_of(rows: pl.DataFrame) -> Integers:
    """(N,) the unit of each row, numbered by first appearance: rows linked by group, cluster or picture share one."""
    n = len(rows)
    owners = np.arange(n, dtype=np.int64)
    linked = [owners]
    first_images = rows["images"].list.first().alias("image")
    for column in (rows["group"], rows["cluster"], first_images):
        codes = codes_of(column)
        there = np.flatnonzero(codes >= 0)
        first = np.zeros(codes.max(initial=-1) + 1, dtype=np.int64)
        first[codes[there][::-1]] = there[::-1]
        links = owners.copy()
        links[there] = first[codes[there]]
        linked.append(links)
    ends = np.concatenate(linked[1:])
    graph = coo_array((np.ones(len(ends), dtype=bool), (np.tile(owners, len(linked) - 1), ends)), shape=(n, n))
    return cast(Integers, connected_components(graph, directed=False)[1].astype(np.int64))


def codes_of(values: pl.Series) -> Integers:
    """(N,) whole numbers from 0 in the order of the values, equal where they are equal; -1 where there is none."""
    ranks = values.rank("dense").cast(pl.Int64).fill_null(0)
    return cast(Integers, ranks.to_numpy() - 1)


def contents(table: Table) -> csr_array:
    """(N, S) what each row adds to a part: 1 in the column of each of its classes, in its stratum.

    A row without any class (many classes a sample, none holds) has a column of its own kind.
    """
    blocks = [_cells(table, task.column, many=task.many) for task in table.tasks]
    rows = np.concatenate([block[0] for block in blocks])
    shift = np.cumsum([0, *(block[2] for block in blocks[:-1])])
    columns = np.concatenate([block[1] + first for block, first in zip(blocks, shift, strict=True)])
    width = sum(block[2] for block in blocks)
    return coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(table), width)).tocsr()


def by_unit(matrix: csr_array, units: Integers) -> csr_array:
    """(U, S) what each unit adds to a part."""
    count = int(units.max(initial=-1)) + 1
    sums = coo_array((np.ones(len(units)), (units, np.arange(len(units)))), shape=(count, len(units))).tocsr()
    return csr_array(sums @ matrix)


def _cells(table: Table, column: str, *, many: bool) -> tuple[Integers, Integers, int]:
    """(row, column) of every 1, and how many columns there are."""
    rows = table.rows.select(pl.col(column), pl.col("stratum").fill_null("")).with_row_index("row")
    if many:
        rows = rows.explode(column, empty_as_null=True)
    texts = rows.select(pl.concat_str(pl.col(column).fill_null(""), pl.col("stratum"), separator="\n")).to_series()
    codes = codes_of(texts)
    return rows["row"].to_numpy().astype(np.int64), codes, int(codes.max(initial=-1)) + 1
