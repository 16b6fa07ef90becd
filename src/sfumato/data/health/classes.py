"""Findings about classes: too few pictures, too unequal, named alike; and samples without one."""

import re
import unicodedata
from collections import defaultdict
from itertools import pairwise
from typing import cast

import polars as pl

from sfumato.data.health.answers import answers, class_names
from sfumato.data.health.findings import Finding, finding
from sfumato.data.table import Table

RARE = 5
"""Pictures; a class with fewer can't be in each of the usual 5 folds, so some fold could not measure it."""
UNEQUAL = 10.0
"""Largest class by smallest; beyond it a network that never names the rare ones still looks good by accuracy."""
TAIL_SHARE = 0.25
"""Of the classes, rarest first, that count as the tail."""


def class_findings(table: Table, pictures: pl.DataFrame) -> list[Finding]:
    """All of this family, from the table and its pictures with their facts."""
    counts = class_counts(table, pictures)
    return [*_no_label(pictures), *_rare(counts), *_tail(counts), *_similar(counts)]


def class_counts(table: Table, pictures: pl.DataFrame) -> pl.DataFrame:
    """One row a class: task, label, count of usable samples, id and image of an example; rarest first, then by name."""
    of_class = answers(table).join(pictures.filter(pl.col("place") == 0).select("id", "image", "code"), on="id")
    usable = pl.col("code").is_null()
    counted = of_class.sort(~usable, "id").group_by("task", "label", maintain_order=True)
    counted = counted.agg(usable.sum().cast(pl.Int64).alias("count"), pl.col("id").first(), pl.col("image").first())
    joined = class_names(table).join(counted, on=["task", "label"], how="left")
    return joined.with_columns(pl.col("count").fill_null(0)).sort("count", "label")


def _no_label(pictures: pl.DataFrame) -> list[Finding]:
    nameless = pictures.filter(pl.col("label").is_null() & (pl.col("place") == 0))
    return finding("no-label", nameless)


def _rare(counts: pl.DataFrame) -> list[Finding]:
    rare = counts.filter(pl.col("count") < RARE).with_columns(detail=_with_count())
    return finding("rare-class", rare, f"fewer than {RARE} that can be used")


def _tail(counts: pl.DataFrame) -> list[Finding]:
    there = counts.filter(pl.col("count") > 0).with_columns(factor=pl.col("count").max().over("task") / pl.col("count"))
    unequal = there.filter(pl.col("factor").max().over("task") >= UNEQUAL)
    rank, size = pl.col("label").cum_count().over("task"), pl.len().over("task")
    tail = unequal.filter(rank <= pl.max_horizontal(pl.lit(1), (TAIL_SHARE * size).round()))
    if not len(tail):
        return []
    share = cast(int, tail["count"].sum()) / cast(int, unequal["count"].sum())
    factor = cast(float, tail["factor"].max())
    summary = f"the largest has {factor:.0f} times as many as the smallest; the rarest quarter holds {share:.1%} of all"
    return finding("tail", tail.with_columns(detail=_with_count()), summary)


def _similar(counts: pl.DataFrame) -> list[Finding]:
    alike: defaultdict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
    rows = cast(list[tuple[str, str, str, str]], counts.sort("label").select("task", "label", "id", "image").rows())
    for task, *row in rows:
        alike[task, plain_name(row[0])].append((row[0], row[1], row[2]))
    pairs = [
        {"id": a[1], "image": a[2], "other_id": b[1], "other_image": b[2], "detail": f"{a[0]!r} and {b[0]!r}"}
        for names in alike.values()
        for a, b in pairwise(names)
    ]
    return finding("similar-names", pl.DataFrame(pairs))


def plain_name(name: str) -> str:
    """A name without what typing errors change: case, full-width forms, invisible marks, spaces, `-` and `_`.

    Between two digits a separator stays one: `1-1` is not `11`.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    visible = "".join(mark for mark in folded if unicodedata.category(mark) != "Cf").strip()
    return re.sub(r"(?<!\d)[\s_-]+|[\s_-]+(?!\d)", "", re.sub(r"[\s_-]+", " ", visible))


def _with_count() -> pl.Expr:
    return pl.format("{}: {}", "label", "count")
