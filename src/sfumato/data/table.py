"""The table: what every data source becomes. One row a sample, in the order of ids; pictures stay where they are."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.labels import LabelSpace

PARTS = ("train", "val", "test")
"""train fits the weights; val chooses (best weights, temperature, thresholds); test is only ever measured."""

SCHEMA = {
    "id": pl.String,
    "image": pl.String,  # absolute path
    "label": pl.String,  # null = unknown
    "group": pl.String,  # samples of one group stay on one side of every split; null = a group of its own
    "stratum": pl.String,  # samples are split evenly within each (label, stratum); null where not asked for
    "part": pl.String,  # one of PARTS; null = not yet decided
}


@dataclass(frozen=True)
class Table:
    """N samples with the classes they may have.

    Raises:
        InputError: An id stands twice.
    """

    rows: pl.DataFrame
    """(N rows) with the columns of SCHEMA, sorted by id."""
    labels: LabelSpace
    notes: tuple[str, ...] = ()
    """What was chosen while reading, each with its reason."""

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, name: str) -> "Table":
        """The samples of one of PARTS."""
        return replace(self, rows=self.rows.filter(pl.col("part") == name))

    def without(self, ids: list[str]) -> "Table":
        """The samples whose id is not in `ids`."""
        return replace(self, rows=self.rows.filter(~pl.col("id").is_in(ids)))

    @property
    def ids(self) -> list[str]:
        """N sample ids."""
        return cast(list[str], self.rows["id"].to_list())

    @property
    def images(self) -> list[Path]:
        """N paths."""
        return [Path(path) for path in cast(list[str], self.rows["image"].to_list())]

    @property
    def targets(self) -> NDArray[np.int64]:
        """(N,) class indices; every sample must have a label."""
        index = {name: i for i, name in enumerate(self.labels.names)}
        return np.array([index[name] for name in self.rows["label"].to_list()], dtype=np.int64)

    @property
    def class_counts(self) -> NDArray[np.int64]:
        """(C,) samples of each class."""
        return np.bincount(self.targets, minlength=len(self.labels))


def make_table(columns: dict[str, list[str | None]], where: str, notes: tuple[str, ...] = ()) -> Table:
    """Build a table from columns of SCHEMA; those not given are null. Classes are the labels seen, sorted.

    Args:
        columns: Lists of equal length; `id` and `image` must be there.
        where: Names the source in errors.
        notes: What the source chose, each with its reason.

    Raises:
        InputError: No sample, a doubled id, no label, or a single class.
    """
    if not columns["id"]:
        raise InputError("no sample in it", where=where)
    rows = pl.DataFrame({name: columns.get(name, [None] * len(columns["id"])) for name in SCHEMA}, schema=SCHEMA)
    doubled = rows.filter(pl.col("id").is_duplicated())["id"]
    if len(doubled):
        raise InputError(
            f"id {doubled[0]!r} stands in {int((doubled == doubled[0]).sum())} rows",
            where=where,
            expected="an id of its own for every sample",
        )
    names = cast(list[str], sorted(rows["label"].drop_nulls().unique().to_list()))
    if len(names) < 2:
        found = f"only one class, {names[0]!r}" if names else "no label at all"
        raise InputError(found, where=where, expected="at least two classes")
    return Table(rows.sort("id"), LabelSpace(tuple(names)), notes)
