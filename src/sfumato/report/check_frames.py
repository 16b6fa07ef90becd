"""What the page and the terminal show of a check, as plain data: what there is, classes, findings, pictures."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import cast, get_args

import polars as pl

from sfumato.data.health.answers import answers
from sfumato.data.health.examination import Examined
from sfumato.data.health.findings import WITHOUT, Finding
from sfumato.data.images import Code
from sfumato.data.table import PARTS, Table
from sfumato.report.wording import count, many, percent

SHOWN = 24
"""Pictures a finding, at most."""
SHOWN_PAIRS = 12
ALL_CLASSES = 40
"""Up to this many classes every one has its bar."""
SOME_CLASSES = 20
"""Else so many of the largest and so many of the smallest."""
FORMATS = 4


@dataclass(frozen=True)
class ClassBar:
    """One class with its usable samples."""

    name: str
    count: int
    share: float
    """Of the largest class, 0 to 1."""
    parts: tuple[tuple[str, float], ...]
    """Part and its share of the largest class; one nameless part where the data gives none."""


@dataclass(frozen=True)
class BarList:
    """Bars under one heading."""

    title: str
    bars: tuple[ClassBar, ...]


@dataclass(frozen=True)
class ShownSample:
    """One picture of a finding, or a pair."""

    image: str | None
    """None = there is none, as of a class without a sample."""
    detail: str
    other: str | None
    """Address of the second picture of a pair."""

    @property
    def names(self) -> str:
        """File names."""
        return " · ".join(PurePath(image).name for image in (self.image, self.other) if image)


@dataclass(frozen=True)
class ShownFinding:
    """A finding and as many of its samples as are shown."""

    finding: Finding
    samples: tuple[ShownSample, ...]

    @property
    def listed(self) -> bool:
        """Whether there is nothing to be seen: the files are no pictures that can be used."""
        return self.finding.code in (WITHOUT, *get_args(Code))

    @property
    def pairs(self) -> bool:
        """Whether its samples are pairs."""
        return self.samples[0].other is not None


def inventory(examined: Examined) -> list[tuple[str, str]]:
    """(what, value): what the data holds."""
    table, pictures = examined.table, examined.pictures
    usable = pictures.filter(pl.col("code").is_null())
    lines = {
        "Source": str(examined.source),
        "Samples": f"{count(len(table))}, {count(len(table) - examined.bad['id'].n_unique())} of them usable",
        "Classes": f"{count(len(examined.classes))}{_a_sample(table)}",
        "Parts": _parts(table.rows["part"]),
        "Groups": _groups(table.rows["group"]),
        "Formats": _most_frequent(usable["format"]),
        "Colour": _most_frequent(usable["mode"]),
        "Sizes": _sizes(usable),
        "Background": examined.probe.summary if examined.probe else "too few pictures to probe",
    }
    return [(what, value) for what, value in lines.items() if value]


def bar_lists(examined: Examined) -> tuple[BarList, ...]:
    """All classes, largest first; of more than ALL_CLASSES the largest and the smallest."""
    classes = examined.classes.reverse()
    names, counts = cast(list[str], classes["label"].to_list()), cast(list[int], classes["count"].to_list())
    most = max(1, *counts)
    inside = _counts_by_part(examined)
    bars = tuple(
        ClassBar(name, number, number / most, tuple((part, n / most) for part, n in inside.get(name, ())))
        for name, number in zip(names, counts, strict=True)
    )
    if len(bars) <= ALL_CLASSES:
        return (BarList("", bars),)
    return (
        BarList(f"The {SOME_CLASSES} largest", bars[:SOME_CLASSES]),
        BarList(f"The {SOME_CLASSES} smallest", bars[-SOME_CLASSES:]),
    )


def shown(finding: Finding) -> ShownFinding:
    """The first samples of a finding, which are the most telling."""
    pairs = finding.samples["other_image"].is_not_null().any()
    rows = finding.samples.head(SHOWN_PAIRS if pairs else SHOWN).select("image", "detail", "other_image")
    return ShownFinding(
        finding, tuple(ShownSample(image, detail or "", other) for image, detail, other in rows.iter_rows())
    )


def verdict(examined: Examined) -> list[str]:
    """The outcome in one or two sentences."""
    severe = [sum(one.kind.severity == severity for one in examined.findings) for severity in ("error", "warning")]
    lost = examined.bad["id"].n_unique()
    first = f"{many(len(examined.table), 'sample')} in {many(len(examined.classes), 'class')}."
    if lost:
        first += f" {count(lost)} can't be used ({percent(lost / len(examined.table))})."
    if not examined.findings:
        return [first, "Nothing was found wrong."]
    found = " and ".join(
        many(number, what) for number, what in zip(severe, ("error", "warning"), strict=True) if number
    )
    worst = examined.findings[0].kind.title.lower()
    return [first, f"{found}, above all: {worst}." if found else f"Nothing wrong; good to know: {worst}."]


def _a_sample(table: Table) -> str:
    """Where a sample may be of several classes, of how many it is, and how many are of none."""
    if len(table.tasks) > 1 or not table.task.many:
        return ""
    numbers = table.rows[table.task.column].drop_nulls().list.len()
    mean, none = float(cast(float, numbers.mean() or 0.0)), int(table.of_none.sum())
    return f", {mean:.1f} a sample on average; {many(none, 'sample')} of none of them"


def _parts(part: pl.Series) -> str:
    counts = dict(part.drop_nulls().value_counts().iter_rows())
    return ", ".join(f"{name} {count(counts[name])}" for name in PARTS if name in counts)


def _groups(group: pl.Series) -> str:
    number = group.drop_nulls().n_unique()
    return count(number) if number else ""


def _most_frequent(values: pl.Series) -> str:
    counts = values.drop_nulls().value_counts(sort=True, name="n").sort("n", values.name, descending=[True, False])
    return ", ".join(f"{name} {count(n)}" for name, n in counts.head(FORMATS).iter_rows())


def _sizes(usable: pl.DataFrame) -> str:
    sizes = usable.select(
        low=pl.min_horizontal("width", "height").min(),
        width=pl.col("width").median().cast(pl.Int64),
        height=pl.col("height").median().cast(pl.Int64),
        high=pl.max_horizontal("width", "height").max(),
    )
    low, width, height, high = cast(tuple[int | None, int, int, int], sizes.row(0))
    return "" if low is None else f"median {width} x {height}, sides from {low} to {high} pixels"


def _counts_by_part(examined: Examined) -> dict[str, list[tuple[str, int]]]:
    first = examined.pictures.filter((pl.col("place") == 0) & pl.col("code").is_null()).select("id", "part")
    usable = answers(examined.table).join(first, on="id")
    found: dict[str, dict[str, int]] = {}
    for label, part, number in usable.group_by("label", pl.col("part").fill_null("")).len().iter_rows():
        found.setdefault(label, {})[part] = number
    return {label: [(part, inside[part]) for part in (*PARTS, "") if part in inside] for label, inside in found.items()}
