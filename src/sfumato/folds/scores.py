"""What the run of a fold reaches on the fold's samples."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from sfumato.json_file import read_json
from sfumato.metrics.calibration import binary_log_loss, negative_log_likelihood
from sfumato.metrics.classification import accuracy, answer_counts, macro_f1
from sfumato.metrics.f_scores import label_counts
from sfumato.metrics.folds import FITTED, PLAIN, FoldScores, Scores
from sfumato.metrics.label_scores import selection_scores
from sfumato.metrics.longtail import macro_f1_all
from sfumato.metrics.membership import complete
from sfumato.metrics.multilabel_results import results_from_dict
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions, read_predictions
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.run_folder import RunFolder
from sfumato.tasks import of_task
from sfumato.training.records import PREFIXES


def fold_scores(run: RunFolder, name: str, part: str) -> FoldScores:
    """What the run of a fold reaches on the fold's samples, its `part`, of several tasks each by itself."""
    table = run.read_table()
    scores: Scores = {}
    for task in table.layout.spaces:
        found = scores_of(read_predictions(run.predictions(part, task)).known())
        found |= _best(run, task, "map" if table.layout.multilabel else "accuracy") if part == "val" else {}
        found |= _honesty(run, of_task(part, task), PLAIN if part == "val" else (*PLAIN, *FITTED))
        scores |= {of_task(score, task): value for score, value in found.items()}
    return FoldScores(name, len(table.part("train")), len(table.part(part)), scores)


def scores_of(said: AnyPredictions) -> Scores:
    """Loss and scores of the logits themselves, before any policy; none without a sample of which something is known.

    Where a sample may be of several classes each is named at a probability of one half, and what no sample of the fold
    measures is left out.
    """
    if not len(said):
        return {}
    return _of_labels(said) if isinstance(said, MultilabelPredictions) else _of_classes(said)


def _of_labels(said: MultilabelPredictions) -> Scores:
    known, named, tally = said.truth != UNKNOWN, said.logits > 0, label_counts(said.truth, said.logits > 0)
    scores = {**selection_scores(said.truth, said.logits, named), "macro_f1_all": float(macro_f1_all(tally))}
    whole, of_any = complete(said.truth).any(), tally.support.any()
    measured = {name: value for name, value in scores.items() if (whole if name == "accuracy" else of_any)}
    return {"loss": binary_log_loss(said.logits[known], said.truth[known]), **measured}


def _of_classes(said: Predictions) -> Scores:
    tally = answer_counts(said.truth, said.logits.argmax(axis=1).astype(np.int64), len(said.labels))
    scores = {"accuracy": accuracy(tally), "macro_f1": macro_f1(tally), "macro_f1_all": macro_f1_all(tally)}
    loss = negative_log_likelihood(said.logits, said.truth)
    return {"loss": float(loss), **{name: float(value) for name, value in scores.items()}}


def _honesty(run: RunFolder, part: str, names: Sequence[str]) -> Scores:
    """These figures of a part that a run measured, where it has them; none of a part of which nothing is known."""
    document = read_json(run.metrics).get(part)
    scores = {} if document is None else results_from_dict(document, str(run.metrics)).scores
    return {name: scores[name].value for name in names if name in scores}


def _best(run: RunFolder, task: str, score: str) -> Scores:
    """The highest score on validation of any weights of any epoch."""
    history = pl.read_csv(run.history)
    columns = [f"{prefix}_{of_task(score, task)}" for prefix in PREFIXES.values()]
    found = [history[column].cast(pl.Float64).max() for column in columns if column in history.columns]
    numbers = [float(value) for value in found if isinstance(value, float)]
    return {"best": max(numbers)} if numbers else {}
