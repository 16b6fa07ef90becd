"""What is wrong with a data set, each thing with its samples: pure functions of the table and the facts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from sfumato.data.addresses import pictures_of
from sfumato.data.health.answers import label_of
from sfumato.data.health.catalogue import DOCS, KINDS, SEVERITIES, Kind
from sfumato.data.health.usable import NO_PICTURE
from sfumato.data.table import Table

WITHOUT = "no-picture"
"""Code of a sample that has no picture at all."""

SAMPLES: dict[str, Any] = {
    "id": pl.String,
    "image": pl.String,
    "detail": pl.String,  # what is the matter with this one
    "other_id": pl.String,  # the second of a pair; else null
    "other_image": pl.String,
}
"""Columns of the samples of a finding."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing that was found."""

    code: str
    """A key of KINDS."""
    samples: pl.DataFrame
    """(N rows) with the columns of SAMPLES, the most telling first; N is at least 1."""
    summary: str = ""
    """Figures that belong to the finding as a whole; may be empty."""

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def kind(self) -> Kind:
        """Severity, title and advice."""
        return KINDS[self.code]

    @property
    def docs(self) -> str:
        """Where the docs explain it."""
        return f"{DOCS}#{self.code}"


def finding(code: str, samples: pl.DataFrame, summary: str = "") -> list[Finding]:
    """The finding, or nothing where it has no sample. Columns of SAMPLES that are not given are null."""
    if not len(samples):
        return []
    absent = [pl.lit(None, pl.String).alias(name) for name in SAMPLES if name not in samples.columns]
    return [Finding(code, samples.with_columns(absent).select(*SAMPLES), summary)]


def most_severe_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then the rest; within them in the order of the catalogue."""
    order = list(KINDS)
    return tuple(sorted(findings, key=lambda one: (SEVERITIES.index(one.kind.severity), order.index(one.code))))


def pictures_with_facts(table: Table, facts: pl.DataFrame) -> pl.DataFrame:
    """One row a picture: id, image, place, label (all classes of its sample in one text), group, part and its facts.

    Sorted by id and place. A sample without a picture has one row, whose code says so.
    """
    of_sample = table.rows.select("id", "group", "part").join(label_of(table), on="id")
    rows = pictures_of(table).join(of_sample, on="id").join(facts, on="image", how="left")
    nothing = pl.when(pl.col("image").is_null())
    rows = rows.with_columns(
        code=nothing.then(pl.lit(WITHOUT)).otherwise("code"),
        problem=nothing.then(pl.lit(NO_PICTURE)).otherwise("problem"),
    )
    return rows.sort("id", "place")
