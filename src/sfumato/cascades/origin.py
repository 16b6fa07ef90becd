"""Which samples a stage was trained on, and what it said of them while it was not."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.cascades.stage import NAMES, Stage
from sfumato.data.same_pictures import shared
from sfumato.data.table import Table
from sfumato.data.table_file import load_table, write_table
from sfumato.ensembles.ensembling import SUMMARY
from sfumato.errors import InputError
from sfumato.evaluation.origin import Overlap, runs_around
from sfumato.json_file import read_json
from sfumato.multilabel_predictions import read_predictions
from sfumato.predictions import Predictions
from sfumato.run_folder import RunFolder

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """What a stage that is a cross-validation said of samples by the fold that did not train on them."""

    rows: dict[str, int]
    """Id of a sample -> its row."""
    logits: Floats
    """(M, C) in the order of the bundle's classes."""
    familiarity: Floats | None = None
    """(M,) of each sample; None = it was not measured."""


NOTHING = Heard({}, np.zeros((0, 0), dtype=np.float32))


def heard_by(stage: Stage) -> Heard:
    """Of a stage with predictions out of fold, these; of any other nothing: it is asked itself."""
    path = stage.table("oof")
    if path is None:
        return NOTHING
    table = read_predictions(path)
    places = table.labels.places_of(stage.bundle.labels, str(path))
    near = table.familiarity if isinstance(table, Predictions) else None
    return Heard({name: row for row, name in enumerate(table.ids)}, table.logits[:, places], near)


def runs_of(folder: Path) -> list[RunFolder]:
    """The runs whose weights are in a bundle, of an ensemble its members', as far as their folders are still there."""
    around = _around(folder)
    return around or [run for member in _members(folder) if member.is_dir() for run in runs_of(member)]


def all_known(folder: Path) -> bool:
    """Whether these are all: of an ensemble one of whose members has moved they are not."""
    members = _members(folder)
    return bool(_around(folder)) or (bool(members) and all(one.is_dir() and all_known(one) for one in members))


def _around(folder: Path) -> list[RunFolder]:
    return [run for run in runs_around(folder) if (run.data / "table.parquet").is_file()]


def _members(folder: Path) -> list[Path]:
    """The bundles that an ensemble was made of; none of any other."""
    summary = folder.resolve().parent / SUMMARY
    if not summary.is_file():
        return []
    members = [Path(str(one)) for one in read_json(summary).get("members", [])]
    return [one if one.name == "bundle" else one / "bundle" for one in members]


def write_choosing(folder: Path, table: Table) -> None:
    """Write the samples that chose a cascade's thresholds, so that an evaluation knows them again."""
    (folder / "data").mkdir()
    rows = table.rows.with_columns(pl.lit("val").alias("part"))
    write_table(folder / "data" / "table.parquet", replace(table, rows=rows))


def seen_before(bundle: Path, table: Table) -> Overlap | None:
    """How many samples the stages of a cascade, or its thresholds, know already.

    None = no folder is around the bundle, or a stage's run is not where it was.
    """
    path = bundle.resolve().parent / "cascade.json"
    if bundle.name != "bundle" or not path.is_file():
        return None
    places = cast(dict[str, str], read_json(path).get("stages", {}))
    if not all(all_known(Path(place)) for place in places.values()):
        return None
    runs = [runs_of(Path(place)) for place in places.values()]
    tables = [run.read_table() for of_stage in runs for run in of_stage]
    choosing = load_table(path.parent / "data" / "table.parquet")
    trained = set(shared(table, [one.part("train") for one in tables]))
    chosen = set(shared(table, [choosing, *(one.part("val") for one in tables)]))
    return Overlap(len(trained), len(chosen - trained))


def trained_among(stage: Stage, table: Table, heard: Heard) -> frozenset[str]:
    """Ids of the samples that a stage was trained on, but for those that it spoke of out of fold."""
    parts = [run.read_table().part("train") for run in runs_of(stage.folder)]
    return frozenset(shared(table, parts) if parts else ()) - heard.rows.keys()


def refuse_trained(stage: Stage, trained: frozenset[str], samples: int) -> None:
    """Refuse samples that a person named, where a stage was trained on any of them.

    Raises:
        InputError: It was.
    """
    if trained:
        what = (
            f"was trained on {len(trained)} of the {samples} samples that choose thresholds, such as {min(trained)!r}"
        )
        expected = f"samples that {NAMES[stage.role]} and the others were not trained on"
        raise InputError(what, where=stage.given, expected=expected)


def doubt(stage: Stage, table: Table) -> str | None:
    """A warning where it can't be known what trained a stage, or where samples of its test part choose; else None."""
    runs = runs_of(stage.folder)
    if not all_known(stage.folder):
        lacking = "a member's run is not where it was" if runs else "no run is around its bundle"
        return f"whether {stage.given} was trained on any of these samples can't be known: {lacking}"
    tested = shared(table, [run.read_table().part("test") for run in runs])
    if not tested:
        return None
    return (
        f"{len(tested)} of these samples are of the test part of {stage.given}: they choose now, so figures on them "
        "are no results any more"
    )
