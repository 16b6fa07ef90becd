"""The samples that a cascade's thresholds are chosen by or that it is measured on, with what is true at each stage.

Shapes: N samples, E elements, C products.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.bundle.cascade import Role
from sfumato.cascades.origin import runs_of
from sfumato.cascades.stage import NAMES, Stage
from sfumato.data.table import Table
from sfumato.element_words import find
from sfumato.ensembles.samples import in_order
from sfumato.errors import InputError
from sfumato.evaluation.samples import read_samples
from sfumato.multilabel_predictions import read_any_rows
from sfumato.predictions import UNKNOWN

Integers = NDArray[np.int64]
Stages = Mapping[Role, Stage]


@dataclass(frozen=True)
class Samples:
    """N samples."""

    table: Table
    """Their pictures, and their texts without the words of elements, "" = none."""
    truth: Mapping[Role, Integers]
    """Stage -> (N,) index of its class, of elements (N, E) 1 or 0; UNKNOWN where it is not known."""
    groups: Integers | None
    """(N,) number of the group each belongs to; None = each is on its own."""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    def only(self, rows: NDArray[np.bool_]) -> "Samples":
        """Those where (N,) `rows` is True."""
        truth = {role: one[rows] for role, one in self.truth.items()}
        table = replace(self.table, rows=self.table.rows.filter(pl.Series(rows)))
        return Samples(table, truth, None if self.groups is None else self.groups[rows], self.notes)


def held_out_samples(stages: Stages) -> Samples:
    """Those that did not train the first stage and may choose: of its validation part, or out of fold.

    Raises:
        InputError: It has no such table, or no run that knows their pictures.
    """
    first = stages.get("gate") or stages["products"]
    runs = runs_of(first.folder)
    if first.fitting is None or not runs:
        what = f"no run with predictions around it, whose samples could choose thresholds as {NAMES[first.role]}"
        mend = "or samples by --data"
        raise InputError(what, where=first.given, expected="the folder of its run or cross-validation", mend=mend)
    known = read_any_rows(first.fitting)
    table = runs[0].read_table()
    table = replace(table, rows=table.rows.filter(pl.col("id").is_in(list(known.ids))))
    places = {name: row for row, name in enumerate(known.ids)}
    rows = np.array([places[name] for name in table.ids], dtype=np.int64)
    truth = {role: _truth(stage, table.ids) for role, stage in stages.items()}
    return Samples(_with_texts(table, stages["products"]), truth, None if known.groups is None else known.groups[rows])


def given_samples(
    stages: Stages, data: str, settings: Mapping[str, Any], part: str | None = None, *, skip_unknown: bool = False
) -> Samples:
    """Labelled data that somebody names, read once for each stage by the column that it was trained on.

    Args:
        stages: Of the cascade.
        data: As `data.source` of a recipe.
        settings: Recipe path -> value, all below `data`; `data.columns.label` may name a column a stage, in their
            order, and `data.columns.text` another than the last stage was trained on, or None for a usual one.
        part: Only the samples in this part of the data's own split; None = all.
        skip_unknown: Take classes that a stage does not know for unknown, instead of refusing them.

    Raises:
        InputError: No such data or column, or classes that a stage does not know.
    """
    columns = _columns(stages, settings)
    others = {**_text(stages["products"]), **settings}
    others.pop("data.columns.label", None)
    tables: dict[Role, Table] = {}
    notes: list[str] = []
    for role, stage in stages.items():
        own = {**others, **columns[role]}
        found = read_samples(data, stage.bundle.tasks, own, part, skip_unknown=skip_unknown)
        tables[role] = found.table
        notes += [one for one in found.notes if one not in notes]
    base = tables.get("gate") or tables["products"]
    truth = {role: _aligned(_answers(one), one.ids, base.ids) for role, one in tables.items()}
    texts = base.rows["text"].fill_null("").to_list()
    return Samples(base.with_texts(texts), truth, _groups(base), tuple(notes))


def _text(products: Stage) -> dict[str, Any]:
    """Where the texts stand that the last stage was trained on, unless they stood in a usual place."""
    named = products.setting("columns", "text")
    return {} if named is None else {"data.columns.text": named}


def _columns(stages: Stages, settings: Mapping[str, Any]) -> dict[Role, dict[str, Any]]:
    """Where each stage's labels stand."""
    given = settings.get("data.columns.label")
    if given is None:
        found: dict[Role, dict[str, Any]] = {}
        for role, stage in stages.items():
            own = {f"data.columns.{name}": stage.setting("columns", name) for name in ("label", "separator")}
            found[role] = {name: value for name, value in own.items() if value is not None}
        return found
    names = list(cast(Sequence[Any], given)) if isinstance(given, list | tuple) else [given]
    if len(names) != len(stages):
        expected = f"a column for each of {', '.join(NAMES[role] for role in stages)}, as [a, b]"
        raise InputError(f"{len(names)} columns", setting="data.columns.label", expected=expected)
    return {role: {"data.columns.label": name} for role, name in zip(stages, names, strict=True)}


def _truth(stage: Stage, ids: Sequence[str]) -> Integers:
    """What is true of samples as the stage's predictions tables tell it; UNKNOWN of those that are in none."""
    classes = stage.bundle.labels
    found = np.full((len(ids), len(classes)) if stage.role == "elements" else len(ids), UNKNOWN, dtype=np.int64)
    for part in ("oof", "val", "test"):
        path = stage.table(part)
        if path is not None:
            rows = read_any_rows(path)
            truth = in_order(rows.truth, rows.labels, classes).astype(np.int64)
            own = _aligned(truth, rows.ids, ids)
            found = np.where(own == UNKNOWN, found, own)
    return found


def _aligned(truth: Integers, ids: Sequence[str], wanted: Sequence[str]) -> Integers:
    """What is true of the wanted samples; UNKNOWN of those that are not among `ids`."""
    places = {name: row for row, name in enumerate(ids)}
    rows = np.array([places.get(name, len(ids)) for name in wanted], dtype=np.int64)
    beyond = np.full((1, *truth.shape[1:]), UNKNOWN, dtype=np.int64)
    return np.concatenate([truth, beyond])[rows]


def _answers(table: Table) -> Integers:
    return table.membership if table.task.many else table.targets_of(table.task)


def _with_texts(table: Table, products: Stage) -> Table:
    """The texts that the last stage read, without the words of elements; of others their own."""
    own = cast(list[str], table.rows["text"].fill_null("").to_list())
    runs = runs_of(products.folder)
    known: dict[str, str] = {}
    for run in runs[:1]:
        rows = run.read_table().rows.select("id", pl.col("text").fill_null(""))
        known = dict(rows.iter_rows())
    return table.with_texts([_unworded(known.get(name, text)) for name, text in zip(table.ids, own, strict=True)])


def _unworded(text: str) -> str:
    said = find(text)
    return text if said is None else f"{said[1]}{said[2]}".strip()


def _groups(table: Table) -> Integers | None:
    """(N,) number of each sample's group; samples without one are each on their own."""
    groups = table.rows["group"]
    if groups.null_count() == len(groups):
        return None
    own = pl.select(pl.when(groups.is_null()).then(pl.concat_str(pl.lit("\0"), table.rows["id"])).otherwise(groups))
    return own.to_series().rank("dense").to_numpy().astype(np.int64)
