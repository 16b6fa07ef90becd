"""How good one set of weights is on the validation part."""

from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.table import Table
from sfumato.metrics.calibration import negative_log_likelihood
from sfumato.metrics.classification import SCORES, confusion_matrix, counts
from sfumato.models.classifier import Classifier
from sfumato.training.inference import predict_table
from sfumato.training.machine import Machine

MEASURED = ("loss", *SCORES)
"""What is measured of weights at the end of an epoch: the mean loss in nats, and scores."""


def validate(
    model: Classifier, val: Table, preprocess: Preprocess, machine: Machine, workers: int, pictures: Pictures
) -> dict[str, float | None]:
    """Measure a model, which must be in evaluation mode, on samples, of which there must be one; by MEASURED's names.

    A score is None where no class it speaks of has a sample.
    """
    said = predict_table(model, val, preprocess, machine, workers, pictures=pictures)
    tally = counts(confusion_matrix(said.truth, said.logits.argmax(axis=1), len(said.labels)))
    scores = {name: float(score(tally)) for name, score in SCORES.items()}
    return {"loss": negative_log_likelihood(said.logits, said.truth), **scores}
