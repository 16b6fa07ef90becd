"""Which samples a stage was trained on, and what it said of them while it was not."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.cascades.stage import NAMES, Stage
from sfumato.data.same_pictures import shared
from sfumato.data.table import Table
from sfumato.ensembles.ensembling import SUMMARY
from sfumato.errors import InputError
from sfumato.evaluation.origin import runs_around
from sfumato.json_file import read_json
from sfumato.multilabel_predictions import read_predictions
from sfumato.run_folder import RunFolder

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """What a stage that is a cross-validation said of samples by the fold that did not train on them."""

    rows: dict[str, int]
    """Id of a sample -> its row."""
    logits: Floats
    """(M, C) in the order of the bundle's classes."""


NOTHING = Heard({}, np.zeros((0, 0), dtype=np.float32))


def heard_by(stage: Stage) -> Heard:
    """Of a stage with predictions out of fold, these; of any other nothing: it is asked itself."""
    path = stage.table("oof")
    if path is None:
        return NOTHING
    table = read_predictions(path)
    places = table.labels.places_of(stage.bundle.labels, str(path))
    return Heard({name: row for row, name in enumerate(table.ids)}, table.logits[:, places])


def runs_of(folder: Path) -> list[RunFolder]:
    """The runs whose weights are in a bundle, of an ensemble its members', as far as their folders are still there."""
    around = [run for run in runs_around(folder) if (run.data / "table.parquet").is_file()]
    summary = folder.resolve().parent / SUMMARY
    if around or not summary.is_file():
        return around
    members = [Path(str(one)) for one in read_json(summary).get("members", [])]
    return [run for one in members if one.is_dir() for run in runs_of(one if one.name == "bundle" else one / "bundle")]


def refuse_trained(stage: Stage, table: Table, heard: Heard) -> str | None:
    """Refuse samples that a stage was trained on, but for those that it spoke of out of fold.

    Returns:
        A warning where it can't be known, or where the test part of its run is about to choose; None = neither.

    Raises:
        InputError: There are such samples.
    """
    runs = runs_of(stage.folder)
    if not runs:
        return f"whether {stage.given} was trained on any of these samples can't be known: no run is around its bundle"
    tables = [run.read_table() for run in runs]
    trained = [name for name in shared(table, [one.part("train") for one in tables]) if name not in heard.rows]
    if trained:
        what = (
            f"was trained on {len(trained)} of the {len(table)} samples that choose thresholds, such as {trained[0]!r}"
        )
        expected = f"samples that {NAMES[stage.role]} and the others were not trained on"
        mend = "give all stages the same split (data.dealt, or a column of parts), or other samples by --data"
        raise InputError(what, where=stage.given, expected=expected, mend=mend)
    tested = shared(table, [one.part("test") for one in tables])
    if not tested:
        return None
    return (
        f"{len(tested)} of these samples are of the test part of {stage.given}: they choose now, so figures on them "
        "are no results any more"
    )
