"""From the tables of each fold's run to those of all: out of fold, averaged, and what any fold trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.data.table import Table
from sfumato.decision.averaging import averaged, averaged_familiarity
from sfumato.decision.policy import Policy, Verdicts
from sfumato.errors import InputError
from sfumato.json_file import read_json
from sfumato.metrics.calibration import negative_log_likelihood
from sfumato.metrics.classification import accuracy, answer_counts, macro_f1
from sfumato.metrics.folds import FITTED, PLAIN, FoldScores, Scores
from sfumato.metrics.longtail import macro_f1_all
from sfumato.metrics.results import Results
from sfumato.outcome import Decided
from sfumato.predictions import Predictions
from sfumato.run_folder import RunFolder
from sfumato.tasks import of_task
from sfumato.training.records import PREFIXES


def out_of_fold(tables: Mapping[str, Predictions]) -> Predictions:
    """Name of a fold -> what its run says of the fold's samples, as one table; each sample stands in one fold alone."""
    parts = tuple(tables.values())
    return Predictions(
        ids=tuple(name for part in parts for name in part.ids),
        truth=np.concatenate([part.truth for part in parts]),
        logits=np.concatenate([part.logits for part in parts]),
        labels=parts[0].labels,
        groups=_groups(parts),
        folds=tuple(name for name, part in tables.items() for _ in part.ids),
        familiarity=_familiarity(parts),
    )


def average(tables: Sequence[Predictions], policy: Policy) -> Predictions:
    """What the runs say of the same samples, averaged under a policy."""
    familiarity = averaged_familiarity([table.familiarity for table in tables])
    logits = averaged(np.stack([table.logits for table in tables]), policy)
    return replace(tables[0], logits=logits, familiarity=familiarity)


def joined(parts: Sequence[Decided]) -> Decided:
    """What was decided of several tables, one after the other, by the same recipe."""
    return Decided(
        _verdicts([one.verdicts for one in parts]),
        np.concatenate([one.plain for one in parts]),
        np.concatenate([one.sureness for one in parts]),
        parts[0].costs,
    )


def _verdicts(verdicts: Sequence[Verdicts]) -> Verdicts:
    sets = [one.sets for one in verdicts if one.sets is not None]
    return Verdicts(
        np.concatenate([one.predicted for one in verdicts]),
        np.concatenate([one.probabilities for one in verdicts]),
        np.concatenate([one.confidence for one in verdicts]),
        np.concatenate([one.abstained for one in verdicts]),
        np.concatenate(sets) if len(sets) == len(verdicts) else None,
    )


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


def fold_scores(run: RunFolder, name: str, part: str) -> FoldScores:
    """What the run of a fold reaches on the fold's samples, its `part`, of several tasks each by itself."""
    table = run.read_table()
    scores: Scores = {}
    for task in table.layout.spaces:
        found = _scores(Predictions.read(run.predictions(part, task)).known())
        found |= _best(run, task) if part == "val" else {}
        found |= _honesty(run, of_task(part, task), PLAIN if part == "val" else (*PLAIN, *FITTED))
        scores |= {of_task(score, task): value for score, value in found.items()}
    return FoldScores(name, len(table.part("train")), len(table.part(part)), scores)


def unmeasured(said: Predictions) -> list[str]:
    """Classes of which no sample stands in a fold."""
    there = set(said.known().truth.tolist())
    return [name for index, name in enumerate(said.labels.names) if index not in there]


def _scores(said: Predictions) -> Scores:
    if not len(said):
        return {}
    tally = answer_counts(said.truth, said.logits.argmax(axis=1).astype(np.int64), len(said.labels))
    scores = {"accuracy": accuracy(tally), "macro_f1": macro_f1(tally), "macro_f1_all": macro_f1_all(tally)}
    loss = negative_log_likelihood(said.logits, said.truth)
    return {"loss": float(loss), **{name: float(value) for name, value in scores.items()}}


def _honesty(run: RunFolder, part: str, names: Sequence[str]) -> Scores:
    """These figures of a part that a run measured, where it has them; none of a part without a known class."""
    document = read_json(run.metrics).get(part)
    scores = {} if document is None else Results.from_dict(document, str(run.metrics)).scores
    return {name: scores[name].value for name in names if name in scores}


def _best(run: RunFolder, task: str) -> Scores:
    """The highest validation accuracy of any weights of any epoch."""
    history = pl.read_csv(run.history)
    columns = [f"{prefix}_{of_task('accuracy', task)}" for prefix in PREFIXES.values()]
    found = [history[column].cast(pl.Float64).max() for column in columns if column in history.columns]
    numbers = [float(value) for value in found if isinstance(value, float)]
    return {"best": max(numbers)} if numbers else {}


def _dealt(table: Table, *, nested: bool) -> pl.DataFrame:
    """Of every sample that decides what a fold is: its answers, its fold, and whether it is for the test of all."""
    answers = [task.column for task in table.tasks]
    test = [] if nested else [(pl.col("part") == "test").alias("test")]
    return table.rows.select("id", "fold", *test, *answers)


def _familiarity(parts: Sequence[Predictions]) -> NDArray[np.float32] | None:
    """Each sample's by the network that did not train on it; None where they were not asked for it."""
    there = [part.familiarity for part in parts if part.familiarity is not None]
    return np.concatenate(there) if len(there) == len(parts) else None


def _groups(parts: Sequence[Predictions]) -> NDArray[np.int64] | None:
    """Numbers that differ between folds; None where every sample is on its own."""
    if all(part.groups is None for part in parts):
        return None
    numbers = [np.arange(len(part)) if part.groups is None else part.groups for part in parts]
    first = np.cumsum([0, *(number.max(initial=-1) + 1 for number in numbers[:-1])])
    return np.concatenate([number + shift for number, shift in zip(numbers, first, strict=True)]).astype(np.int64)
