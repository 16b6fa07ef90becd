"""How good one set of weights is on the validation part."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.table import Table
from sfumato.metrics.calibration import negative_log_likelihood
from sfumato.metrics.classification import SCORES, confusion_matrix, counts
from sfumato.metrics.longtail import long_tail_scores
from sfumato.models.classifier import Classifier
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.tasks import of_task
from sfumato.training.inference import predict_tasks
from sfumato.training.machine import Machine
from sfumato.training.records import MEASURED


def validate(
    model: Classifier,
    val: Table,
    trained: Mapping[str, NDArray[np.int64]],
    preprocess: Preprocess,
    machine: Machine,
    workers: int,
    pictures: Pictures,
    features: Tensor | None = None,
) -> dict[str, float | None]:
    """Measure a model on samples, of which there must be one; by MEASURED's names.

    Args:
        model: In evaluation mode.
        val: What it is measured on.
        trained: Task of the layout -> (C,) training images of each class.
        preprocess: Of validation.
        machine: Of the run.
        workers: Processes that decode.
        pictures: Decoded before, if any.
        features: (N, D) of the samples, where they were computed before.

    Returns:
        A score is None where no class it speaks of has a sample. Of several tasks the mean over those that have it,
        then each by itself, as `accuracy.TASK`.
    """
    said = predict_tasks(model, val, preprocess, machine, workers, pictures=pictures, features=features)
    scores = {task: _scores(predictions, trained[task]) for task, predictions in said.items()}
    if not val.layout.several:
        return scores[""]
    each = {of_task(name, task): found[name] for task, found in scores.items() for name in MEASURED}
    return {**{name: _mean(found[name] for found in scores.values()) for name in MEASURED}, **each}


def _scores(said: Predictions, trained: NDArray[np.int64]) -> dict[str, float | None]:
    """Of the samples whose class is known; all None where there is none."""
    known = said.truth != UNKNOWN
    if not known.any():
        return dict.fromkeys(MEASURED)
    truth, logits = said.truth[known], said.logits[known]
    tally = counts(confusion_matrix(truth, logits.argmax(axis=1), len(said.labels)))
    scores = {name: float(score(tally)) for name, score in SCORES.items()}
    return {"loss": negative_log_likelihood(logits, truth), **scores, **long_tail_scores(tally, trained)}


def _mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None
