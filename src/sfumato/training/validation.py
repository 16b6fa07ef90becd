"""How good one set of weights is on the validation part."""

from dataclasses import dataclass

from sfumato.metrics.calibration import negative_log_likelihood
from sfumato.metrics.classification import SCORES, confusion_matrix, counts
from sfumato.training.inference import predict_table
from sfumato.training.job import Job


@dataclass(frozen=True)
class Validation:
    """Scores of the weights that the model carried."""

    loss: float
    """Mean over the images, nats."""
    scores: dict[str, float]
    """By the names of SCORES."""


def validate(job: Job) -> Validation:
    """Measure the job's model, which must be in evaluation mode, on its validation part, which must hold a sample."""
    said = predict_table(job.model, job.val, job.preprocess, job.machine, job.workers, pictures=job.pictures)
    tally = counts(confusion_matrix(said.truth, said.logits.argmax(axis=1), len(said.labels)))
    scores = {name: float(score(tally)) for name, score in SCORES.items()}
    return Validation(negative_log_likelihood(said.logits, said.truth), scores)
