"""How good one set of weights is on the validation part."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.table import Table
from sfumato.decision.calibration import UNFITTED
from sfumato.metrics.average_precision import average_precision
from sfumato.metrics.calibration import binary_log_loss, negative_log_likelihood
from sfumato.metrics.classification import SCORES, confusion_matrix, counts
from sfumato.metrics.f_scores import label_counts
from sfumato.metrics.label_scores import selection_scores
from sfumato.metrics.longtail import long_tail_scores
from sfumato.metrics.membership import complete
from sfumato.metrics.ranks import coverage_error
from sfumato.metrics.results import ClassRow, class_rows, count_rows
from sfumato.models.network import Network
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.tasks import of_task
from sfumato.training.inference import predict_tasks
from sfumato.training.machine import Machine
from sfumato.training.records import MEASURED, MEASURED_OF_LABELS, ClassFigures, Scores


@dataclass(frozen=True)
class Validated:
    """What was measured of one set of weights."""

    scores: Scores
    """By the names of MEASURED, or of MEASURED_OF_LABELS. A score is None where no class it speaks of has a sample. Of
    several tasks the mean over those that have it, then each by itself, as `accuracy.TASK`."""
    classes: ClassFigures


def validate(
    model: Network,
    val: Table,
    trained: Mapping[str, NDArray[np.int64]],
    preprocess: Preprocess,
    machine: Machine,
    workers: int,
    pictures: Pictures,
    features: Tensor | None = None,
) -> Validated:
    """Measure a model on samples, of which there must be one.

    Args:
        model: In evaluation mode.
        val: What it is measured on.
        trained: Task of the layout -> (C,) training images of each class.
        preprocess: Of validation.
        machine: Of the run.
        workers: Processes that decode.
        pictures: Decoded before, if any.
        features: (N, D) of the samples, where they were computed before.
    """
    said = predict_tasks(model, val, preprocess, machine, workers, pictures=pictures, features=features)
    found = {task: _measured(predictions, trained[task]) for task, predictions in said.items()}
    scores = {task: one for task, (one, _) in found.items()}
    classes = {task: rows for task, (_, rows) in found.items()}
    return Validated(_joined(scores) if val.layout.several else scores[""], classes)


def _joined(scores: Mapping[str, Mapping[str, float | None]]) -> Scores:
    """Means over the tasks, then what each has."""
    each = {of_task(name, task): of[name] for task, of in scores.items() for name in MEASURED}
    return {**{name: _mean(of[name] for of in scores.values()) for name in MEASURED}, **each}


def _measured(said: AnyPredictions, trained: NDArray[np.int64]) -> tuple[Scores, tuple[ClassRow, ...]]:
    """Scores and classes, of the samples whose class is known; all None and no class where there is none."""
    return _of_labels(said, trained) if isinstance(said, MultilabelPredictions) else _of_classes(said, trained)


def _of_labels(said: MultilabelPredictions, trained: NDArray[np.int64]) -> tuple[Scores, tuple[ClassRow, ...]]:
    """Each label is named at a probability of one half; its threshold is found when training is over."""
    known = said.truth != UNKNOWN
    if not known.any():
        return dict.fromkeys(MEASURED_OF_LABELS), ()
    named = said.logits > 0
    tally = label_counts(said.truth, named)
    loss = binary_log_loss(said.logits[known], said.truth[known])
    scores = selection_scores(said.truth, said.logits, named)
    precisions = average_precision(said.truth, said.logits)
    classes = count_rows(tally, said.labels.names, precisions, trained)
    return {"loss": loss, **scores, **_ranks(said), **long_tail_scores(tally, trained)}, classes


def _ranks(said: MultilabelPredictions) -> Scores:
    """By the names of RANKS_OF_LABELS; how far down classes reach is of samples of which every class is known."""
    precisions, whole = average_precision(said.truth, said.logits, "eleven_point"), complete(said.truth)
    measured = precisions[~np.isnan(precisions)]
    reach = coverage_error(said.truth[whole], said.logits[whole]) if whole.any() else None
    return {"map_11_point": float(measured.mean()) if len(measured) else None, "coverage_error": reach}


def _of_classes(said: Predictions, trained: NDArray[np.int64]) -> tuple[Scores, tuple[ClassRow, ...]]:
    known = said.truth != UNKNOWN
    if not known.any():
        return dict.fromkeys(MEASURED), ()
    truth, logits = said.truth[known], said.logits[known]
    confusion = confusion_matrix(truth, logits.argmax(axis=1), len(said.labels))
    tally = counts(confusion)
    scores = {name: float(score(tally)) for name, score in SCORES.items()}
    precisions = average_precision(truth, UNFITTED.probabilities(logits))
    classes = class_rows(confusion, said.labels.names, precisions, trained)
    return {"loss": negative_log_likelihood(logits, truth), **scores, **long_tail_scores(tally, trained)}, classes


def _mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None
