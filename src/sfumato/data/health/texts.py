"""Findings about texts: absent, without meaning, the same under several classes, naming their class, endless."""

import re
from collections.abc import Iterator
from typing import cast

import polars as pl

from sfumato.data.health.answers import label_of
from sfumato.data.health.findings import Finding, finding
from sfumato.data.table import Table, Task

TELLING = 0.05
"""Share of the samples whose text names their class from which on it is worth a warning."""
FEWEST = 3
"""Samples; fewer may name their class by chance."""
SHORTEST = 3
"""Letters of a class's name that is looked for, if they are all ASCII: shorter ones stand in many texts by chance."""
REPEATED = 5
"""Samples of one text from which on it is likely a phrase that a shop or a tool puts everywhere."""
LONG = 10_000
"""Letters; no encoder of texts reads so many, and a page with its menus may have been saved for a description."""
SHOWN = 60
"""Letters of a text that a detail quotes."""

_NOTHING = r"(?i)^(?:nan|null|none|n/a|\\n|[\p{N}\p{P}\p{Sm}\p{Sc}\s])+$"
"""Numbers and marks alone, and the words that programs write for nothing."""
_TEXTS = pl.col("text").fill_null("")
_QUOTED = pl.format("'{}'", pl.col("text").str.slice(0, SHOWN))


def text_findings(table: Table) -> list[Finding]:
    """All of this family; none where no sample has a text."""
    rows = table.rows.select("id", _TEXTS, image=pl.col("images").list.first()).join(label_of(table), on="id")
    there = rows.filter(pl.col("text") != "")
    if not len(there):
        return []
    nothing = there.filter(pl.col("text").str.contains(_NOTHING)).with_columns(detail=_QUOTED)
    long = there.with_columns(letters=pl.col("text").str.len_chars()).filter(pl.col("letters") > LONG)
    return [
        *_telling(table, there),
        *finding("text-of-numbers", nothing, _share(nothing, there)),
        *_repeated(there),
        *finding("no-text", rows.filter(pl.col("text") == ""), f"{len(there)} others have one"),
        *finding(
            "long-text", long.sort("letters", descending=True).with_columns(detail=pl.format("{} letters", "letters"))
        ),
    ]


def _telling(table: Table, there: pl.DataFrame) -> list[Finding]:
    told = pl.concat([naming_their_class(table, task) for task in table.questions]).unique("id", maintain_order=True)
    if len(told) < max(FEWEST, TELLING * len(table)):
        return []
    return finding("text-names-class", told.join(there.select("id", "image"), on="id"), _share(told, there))


def naming_their_class(table: Table, task: Task) -> pl.DataFrame:
    """(id, detail) of the samples in whose text a class of theirs stands, as a word of its own; detail is its name."""
    rows = table.rows.select("id", _TEXTS.str.to_lowercase(), label=pl.col(task.column))
    of_class = (rows.explode("label") if task.many else rows).drop_nulls("label").partition_by("label", as_dict=True)
    found = [
        rows.filter(pl.col("text").str.contains(pattern)).select("id", detail=pl.lit(repr(name)))
        for (name,), rows in cast(Iterator[tuple[tuple[str], pl.DataFrame]], of_class.items())
        if (pattern := _pattern(name)) is not None
    ]
    return pl.concat([pl.DataFrame(schema={"id": pl.String, "detail": pl.String}), *found]).sort("id")


def _pattern(name: str) -> str | None:
    """What finds a class's name as a word of its own; None where it is too short to mean anything."""
    if name.isascii() and len(name) < SHORTEST:
        return None
    words = re.escape(name.lower()).replace(r"\ ", " ")
    return rf"(?:^|\W){words}(?:$|\W)" if name.isascii() else words


def _repeated(there: pl.DataFrame) -> list[Finding]:
    same = there.group_by("text", maintain_order=True).agg(
        pl.col("id", "image").first(), pl.len().alias("samples"), pl.col("label").n_unique().alias("classes")
    )
    several = same.filter((pl.col("samples") >= REPEATED) & (pl.col("classes") > 1)).sort("samples", descending=True)
    detail = pl.format("{} in {} samples of {} classes", _QUOTED, "samples", "classes")
    return finding("repeated-text", several.with_columns(detail=detail))


def _share(some: pl.DataFrame, there: pl.DataFrame) -> str:
    return f"{len(some) / len(there):.1%} of the samples that have one"
