"""Leaks of a given split: samples of one group, or pictures that are nearly the same, on both sides."""

from dataclasses import dataclass

import polars as pl

from sfumato.data.splits.spec import Leak, SplitSpec
from sfumato.data.table import Table
from sfumato.errors import InputError

REFUSED_ABOVE = 0.01
"""Share of a part that may have a relative in another part. A handful hardly moves a figure; more flatters it."""
COLUMNS: dict[Leak, str] = {"groups": "group", "near-duplicates": "cluster"}


@dataclass(frozen=True)
class LeakFound:
    """What one part shares with training (or with the part that chooses)."""

    kind: Leak
    part: str
    ids: tuple[str, ...]
    """Samples of the part that have a relative on the other side."""
    share: float
    """Of the part's samples."""


def find_leaks(table: Table) -> list[LeakFound]:
    """Leaks into val from train, and into test from train and val."""
    found: list[LeakFound] = []
    for part, others in (("val", ["train"]), ("test", ["train", "val"])):
        rows = table.rows.filter(pl.col("part") == part)
        for kind, column in COLUMNS.items():
            elsewhere = table.rows.filter(pl.col("part").is_in(others))[column].drop_nulls().unique()
            ids = rows.filter(pl.col(column).is_in(elsewhere.implode()))["id"].to_list()
            if ids:
                found.append(LeakFound(kind, part, tuple(ids), len(ids) / len(rows)))
    return found


def refuse_leaks(table: Table, spec: SplitSpec) -> list[str]:
    """Refuse a split whose parts share too much; what is accepted or too little to matter becomes a note.

    Raises:
        InputError: More than REFUSED_ABOVE of a part leaks in a way the recipe does not accept; or it accepts a leak
            that is not there.
    """
    found = find_leaks(table)
    idle = [kind for kind in spec.accept if kind not in {leak.kind for leak in found}]
    if idle:
        raise InputError(f"{idle[0]} has no effect: no such leak", setting="data.split.accept")
    for leak in found:
        if leak.share > REFUSED_ABOVE and leak.kind not in spec.accept:
            raise InputError(
                f"{len(leak.ids)} of the {leak.part} samples ({leak.share:.1%}) have {_relatives(leak.kind)} in "
                f"another part, such as {leak.ids[0]}",
                where=table.source,
                expected=f"at most {REFUSED_ABOVE:.0%}: figures measured on them would be too good",
                mend=f"give no split, or accept it with data.split.accept: [{leak.kind}]",
            )
    return [
        f"data.split: {len(leak.ids)} {leak.part} samples have {_relatives(leak.kind)} in another part, "
        + ("accepted by the recipe" if leak.kind in spec.accept else "too few to matter")
        for leak in found
    ]


def _relatives(kind: Leak) -> str:
    return "samples of their group" if kind == "groups" else "near-duplicates"
