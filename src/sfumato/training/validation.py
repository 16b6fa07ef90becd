"""How good one set of weights is on the validation part."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.table import Table
from sfumato.metrics.calibration import negative_log_likelihood
from sfumato.metrics.classification import SCORES, confusion_matrix, counts
from sfumato.metrics.longtail import long_tail_scores
from sfumato.models.classifier import Classifier
from sfumato.predictions import Predictions
from sfumato.training.inference import predict_table
from sfumato.training.machine import Machine


def validate(
    model: Classifier,
    val: Table,
    trained: NDArray[np.int64],
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
        trained: (C,) training images of each class.
        preprocess: Of validation.
        machine: Of the run.
        workers: Processes that decode.
        pictures: Decoded before, if any.
        features: (N, D) of the samples, where they were computed before.

    Returns:
        A score is None where no class it speaks of has a sample.
    """
    if features is None:
        said = predict_table(model, val, preprocess, machine, workers, pictures=pictures)
    else:
        with torch.no_grad():
            logits = model.logits(features).cpu().numpy()
        said = Predictions(tuple(val.ids), val.targets, logits, val.labels)
    tally = counts(confusion_matrix(said.truth, said.logits.argmax(axis=1), len(said.labels)))
    scores = {name: float(score(tally)) for name, score in SCORES.items()}
    rare = long_tail_scores(tally, trained)
    return {"loss": negative_log_likelihood(said.logits, said.truth), **scores, **rare}
