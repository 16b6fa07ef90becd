"""Says which charts train, which choose and which only measure: no source and no time is on two sides.

usage: deal.py GALLERY [--share 0.2] [--crossed]

Writes GALLERY/dealt.csv (id, part), which the recipes name in `data.dealt`, GALLERY/measured.csv, the same for folds,
which deal themselves what trains and chooses, and GALLERY/test.jsonl, the rows that measure. Charts and other pictures
are dealt apart, so that every part has both. Sources are never split; those whose charts end latest measure, and the
latest of the rest choose. Where all sources publish until today that parts nothing: `--crossed` then takes some,
keeps their charts of the latest times, and leaves aside what they drew earlier and what others drew then.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from sfumato.data.columns import USUAL_NAMES, ColumnsSpec
from sfumato.data.randomness import generator
from sfumato.data.source import DataSpec, read_table
from sfumato.data.splits.spec import SplitSpec
from sfumato.data.splits.split import parts
from sfumato.data.table import Table
from sfumato.errors import InputError

COLUMNS = ColumnsSpec(label="is_meteo", group="source", time="time")
NAMES = ("id", *USUAL_NAMES["image"])
"""Columns by which a row may be known."""
CHOOSING = 0.25
"""Share of what does not measure."""


def dealt(table: Table, share: float, *, crossed: bool) -> pl.DataFrame:
    """Columns id and part: `train`, `val` or `test`. Charts that are left aside are not in it.

    Raises:
        InputError: A single source, no time, or nothing left on one side.
    """
    sources = table.rows["group"].drop_nulls().unique().sort()
    if len(sources) < 2:
        only = f"one source, {sources[0]!r}" if len(sources) else "no source"
        raise InputError(
            f"{only}: nothing can be measured on charts of another", where=table.source, expected="two or more"
        )
    known = _each_side(table, lambda side: (_crossed if crossed else _latest)(side, share))
    left = known.filter(pl.col("part").is_null())
    if not 0 < len(left) < len(known):
        raise InputError("nothing is left on one side", where=table.source, expected="another --share, or --crossed")
    rest = _each_side(_only(table, left["id"]), lambda side: _latest(side, CHOOSING))
    chosen = pl.when(pl.col("part") == "test").then(pl.lit("val")).otherwise(pl.lit("train")).alias("part")
    return pl.concat([known.filter(pl.col("part") == "test"), rest.select("id", chosen)])


def _each_side(table: Table, deal: Callable[[Table], pl.DataFrame]) -> pl.DataFrame:
    """What is dealt of charts and of other pictures, each by themselves."""
    sides = table.rows["label"].unique(maintain_order=True)
    return pl.concat([deal(_only(table, table.rows.filter(pl.col("label") == side)["id"])) for side in sides])


def _only(table: Table, ids: pl.Series) -> Table:
    wanted = set(ids.to_list())
    return table.without([id_ for id_ in table.ids if id_ not in wanted])


def _latest(table: Table, share: float) -> pl.DataFrame:
    """Columns id and part: `test` for the sources that end latest; null for the rest."""
    rows = parts(table, SplitSpec(by="time", val=0, test=share)).rows
    return rows.select("id", pl.when(pl.col("part") == "test").then(pl.lit("test")).alias("part"))


def _crossed(table: Table, share: float) -> pl.DataFrame:
    """Some sources at the latest times against all others at earlier ones."""
    moment = float(np.quantile(table.rows["time"].to_numpy(), 1 - share))
    late, sources = pl.col("time") >= moment, table.rows["group"].n_unique()
    recent = table.rows.filter(late)["group"].drop_nulls().unique().sort().to_numpy()
    taken = generator(0, "sources").choice(recent, min(len(recent), max(1, round(share * sources))), replace=False)
    theirs = pl.col("group").is_in(taken.tolist())
    part = pl.when(theirs).then(pl.lit("test")).alias("part")
    return table.rows.filter(theirs == late).select("id", part)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallery", type=Path, help="a folder with a labels.jsonl")
    parser.add_argument(
        "--share", type=float, default=0.2, help="of the charts (crossed: of the sources and of the times)"
    )
    parser.add_argument(
        "--crossed", action="store_true", help="some sources at the latest times; what lies between is unused"
    )
    asked = parser.parse_args()
    manifest = asked.gallery / "labels.jsonl"
    try:
        table = read_table(DataSpec(source=str(manifest), columns=COLUMNS))
        found = dealt(table, asked.share, crossed=asked.crossed)
    except InputError as error:
        sys.exit(f"error: {error}")
    found.write_csv(asked.gallery / "dealt.csv")
    test_alone = pl.when(pl.col("part") == "test").then("part").alias("part")
    found.select("id", test_alone).write_csv(asked.gallery / "measured.csv")
    measured = set(found.filter(pl.col("part") == "test")["id"].to_list())
    rows = [line for line in manifest.read_text(encoding="utf-8").splitlines() if line.strip()]
    kept = [line for line in rows if not measured.isdisjoint(map(json.loads(line).get, NAMES))]
    (asked.gallery / "test.jsonl").write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    test = table.rows.join(found.filter(pl.col("part") == "test"), on="id", how="semi")
    unused = len(table) - len(found)
    print(f"{len(test)} of {len(table)} pictures measure, of {test['group'].n_unique()} sources; {unused} are unused")


if __name__ == "__main__":
    main()
