"""What a cross-validation found in the samples of a run, kept in its folder, by which candidates are narrowed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from sfumato.decision.narrowing import SETTING, SeenElements, refuse_other_elements
from sfumato.errors import InputError
from sfumato.preparation.elements import found_by
from sfumato.recipe.schema import Recipe
from sfumato.tasks import TaskLayout


def seen_by(run: Path) -> tuple[tuple[str, ...], SeenElements]:
    """The samples that a cross-validation speaks of, and what it found in them.

    Raises:
        InputError: As `found_by`.
    """
    parts = list(found_by(run))
    ids = tuple(id_ for table, _ in parts for id_ in table.ids)
    named = np.concatenate([said.named for _, said in parts])
    probabilities = np.concatenate([said.probabilities for _, said in parts])
    return ids, SeenElements(tuple(parts[0][0].labels.names), named, probabilities)


def refuse_unfit_narrowing(recipe: Recipe, layout: TaskLayout, kept: Path | None = None) -> None:
    """Refuse candidates narrowed by elements that are not looked for, or that no class says it shows.

    Args:
        recipe: Its `decision.narrow` may ask for it.
        layout: What is asked of the samples.
        kept: What `write_seen` wrote; None = the run has no folder yet.

    Raises:
        InputError: With what is missing.
    """
    if recipe.decision.narrow is None:
        return
    if layout.several or layout.multilabel:
        raise InputError("takes one class a sample", setting=SETTING, expected="one label column of one class each")
    assert recipe.data.elements is not None  # the recipe was checked
    names = _names(kept) if kept is not None else next(found_by(Path(recipe.data.elements.run)))[0].labels.names
    refuse_other_elements(layout.labels, names)


def write_seen(path: Path, recipe: Recipe) -> None:
    """Write what was found in the samples where the recipe says so; `path`: a new Parquet file."""
    if recipe.data.elements is None:
        return
    ids, seen = seen_by(Path(recipe.data.elements.run))
    columns = {"id": list(ids), "named": seen.named.tolist(), "probabilities": seen.probabilities.tolist()}
    pl.DataFrame(columns).write_parquet(path, metadata={"elements": json.dumps(seen.names, ensure_ascii=False)})


def read_seen(path: Path, ids: Sequence[str]) -> SeenElements:
    """What was found in some samples, in their order.

    Raises:
        InputError: The file is missing, or says nothing of one of them.
    """
    names, frame = _names(path), pl.read_parquet(path)
    place = {id_: row for row, id_ in enumerate(frame["id"].to_list())}
    named, probabilities = (np.array(frame[column].to_list()) for column in ("named", "probabilities"))
    return SeenElements(names, named, probabilities).only([place[id_] for id_ in ids])


def _names(path: Path) -> tuple[str, ...]:
    """Of the elements that a file speaks of."""
    if not path.is_file():
        raise InputError("what was found in the samples is missing", where=str(path), setting=SETTING)
    return tuple(cast(list[str], json.loads(pl.read_parquet_metadata(path)["elements"])))
