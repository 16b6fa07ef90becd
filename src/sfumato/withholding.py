"""What a network of picture and text still says where one of them is withheld from it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.data.views import PLAIN
from sfumato.json_file import read_json, write_json
from sfumato.looking import Looked
from sfumato.metrics.ablation import Ablation, ablate
from sfumato.models.family import Family
from sfumato.models.image_text import ImageText
from sfumato.models.missing import LearnedSpec
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.preparation.prepared import Prepared
from sfumato.run_folder import RunFolder
from sfumato.training.inference import predict_withheld
from sfumato.training.machine import Machine

Integers = NDArray[np.int64]
SEEN = {"picture": "the picture alone", "text": "the text alone"}
"""What is not withheld -> in words."""
_HOW = (
    "One network of both, measured on samples that have both: what is withheld is to it what any sample lacks"
    " ({instead}), so this is what it relies on, not what a network of one alone could learn."
)
_CHOSE = " These samples chose the weights too: the figures are optimistic."


def withhold(prepared: Prepared, machine: Machine, workers: int) -> dict[str, dict[str, Predictions]]:
    """Part -> what is seen -> logits of the samples of val and test that have both; empty for other networks."""
    model, layout = prepared.model, prepared.table.layout
    if not isinstance(model, ImageText) or layout.several or layout.multilabel:
        return {}
    found: dict[str, dict[str, Predictions]] = {}
    has_both = (pl.col("images").list.len() > 0) & (pl.col("text") != "")
    for part in ("val", "test"):
        table = prepared.table.part(part)
        table = table.without(table.rows.filter(~has_both)["id"].to_list())
        if len(table):
            about = (prepared.preprocess, machine, workers, prepared.pictures)
            said = predict_withheld(model, table, *about)
            found[part] = {name: cast(Predictions, one) for name, one in zip(SEEN, said, strict=True)}
    return found


def conclude_withheld(
    folder: RunFolder, model: Family, looked: Looked, found: Mapping[str, Mapping[str, Predictions]]
) -> None:
    """Write the tables, and what was measured on the test part, or on val where there is none."""
    for part, by in found.items():
        for name, said in by.items():
            said.write(withheld_table(folder, part, name))
    part = "test" if "test" in found else "val"
    if part in found:
        whole, note = cast(Predictions, looked.parts[part][""][PLAIN.name]), note_of(model, chose=part == "val")
        write_json(ablation_file(folder.path), measure_withheld(whole, found[part], note).to_dict())


def withheld_table(folder: RunFolder, part: str, seen: str) -> Path:
    """The predictions of a part by what is seen alone."""
    return folder.path / "predictions" / f"{part}.by_{seen}.parquet"


def ablation_file(folder: Path) -> Path:
    """What was measured, in the folder of a run or cross-validation."""
    return folder / "ablation.json"


def read_ablation(folder: Path) -> Ablation | None:
    """What was measured; None where nothing was withheld."""
    path = ablation_file(folder)
    return Ablation.from_dict(read_json(path), str(path)) if path.is_file() else None


def note_of(model: Family, *, chose: bool) -> str:
    """What a reader of the figures must know; `chose`: whether the samples chose the weights too."""
    learnt = isinstance(getattr(model, "missing", None), LearnedSpec)
    note = _HOW.format(instead="features that were learnt for it" if learnt else "a black picture, an empty text")
    return note + _CHOSE if chose else note


def measure_withheld(whole: Predictions, by: Mapping[str, Predictions], note: str) -> Ablation:
    """The answers of a network by both against those by either.

    Args:
        whole: Its predictions by both, of these samples and maybe others.
        by: What is seen -> its predictions, of the same samples in the same order.
        note: What a reader must know.
    """
    alone = next(iter(by.values()))
    rows = _rows(whole.ids, alone.ids)
    known = np.flatnonzero(alone.truth != UNKNOWN)
    groups = None if alone.groups is None else alone.groups[known]
    parts = {SEEN[name]: _likeliest(said)[known] for name, said in by.items()}
    return ablate(alone.truth[known], _likeliest(whole)[rows][known], parts, len(alone.labels), note, groups)


def _likeliest(said: Predictions) -> Integers:
    return said.logits.argmax(axis=1).astype(np.int64)


def _rows(ids: Sequence[str], wanted: Sequence[str]) -> Integers:
    places = {name: place for place, name in enumerate(ids)}
    return np.array([places[name] for name in wanted], dtype=np.int64)
