"""From the tables of each fold's run to those of all: out of fold, averaged, and what any fold trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.data.table import Table
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.view_policy import average_views
from sfumato.errors import InputError
from sfumato.metrics.membership import members
from sfumato.multilabel_predictions import AnyPredictions
from sfumato.predictions import Predictions


def out_of_fold(tables: Mapping[str, AnyPredictions]) -> AnyPredictions:
    """Name of a fold -> what its run says of the fold's samples, as one table; each sample stands in one fold alone."""
    parts = tuple(tables.values())
    of_one = [part for part in parts if isinstance(part, Predictions)]
    return replace(
        parts[0],
        ids=tuple(name for part in parts for name in part.ids),
        truth=np.concatenate([part.truth for part in parts]),
        logits=np.concatenate([part.logits for part in parts]),
        groups=_groups(parts),
        folds=tuple(name for name, part in tables.items() for _ in part.ids),
        **({"familiarity": _familiarity(of_one)} if of_one else {}),
    )


def average(tables: Sequence[AnyPredictions], policy: AnyPolicy) -> AnyPredictions:
    """What the runs say of the same samples, averaged under a policy."""
    return average_views({str(index): table for index, table in enumerate(tables)}, policy)


def trained_by_any(tables: Sequence[Table]) -> dict[str, NDArray[np.int64]]:
    """Task -> (C,) different training images of each class, over the runs."""
    rows = pl.concat([table.part("train").rows for table in tables]).unique("id", maintain_order=True)
    return replace(tables[0], rows=rows).counts


def refuse_other_data(first: Table, now: Table, where: str, *, nested: bool = False) -> None:
    """Refuse to go on if the data changed since the first fold.

    Args:
        first: The samples of the first fold's run.
        now: Those of another.
        where: Names the cross-validation in errors.
        nested: Whether the test part is the fold, and so another one in each run.
    """
    if not _dealt(now, nested=nested).equals(_dealt(first, nested=nested)):
        what = "the data is no longer what the first fold was dealt from"
        raise InputError(what, where=where, mend="begin anew in another folder")


def unmeasured(said: AnyPredictions) -> list[str]:
    """Classes of which no sample stands in a fold."""
    counts = members(said.truth, len(said.labels)).sum(axis=0)
    return [said.labels.names[index] for index in np.flatnonzero(counts == 0)]


def _dealt(table: Table, *, nested: bool) -> pl.DataFrame:
    """Of every sample that decides what a fold is: its answers, its fold, and whether it is for the test of all."""
    answers = [task.column for task in table.tasks]
    test = [] if nested else [(pl.col("part") == "test").alias("test")]
    return table.rows.select("id", "fold", "unsure", *test, *answers)


def _familiarity(parts: Sequence[Predictions]) -> NDArray[np.float32] | None:
    """Each sample's by the network that did not train on it; None where they were not asked for it."""
    there = [part.familiarity for part in parts if part.familiarity is not None]
    return np.concatenate(there) if len(there) == len(parts) else None


def _groups(parts: Sequence[AnyPredictions]) -> NDArray[np.int64] | None:
    """Numbers that differ between folds; None where every sample is on its own."""
    if all(part.groups is None for part in parts):
        return None
    numbers = [np.arange(len(part)) if part.groups is None else part.groups for part in parts]
    first = np.cumsum([0, *(number.max(initial=-1) + 1 for number in numbers[:-1])])
    return np.concatenate([number + shift for number, shift in zip(numbers, first, strict=True)]).astype(np.int64)
