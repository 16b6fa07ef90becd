"""The weights an interpolation starts from: those there are when the backbone begins to learn, with a fit head."""

from torch import Tensor

from sfumato.decision.calibration import fit_temperature
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.heads import CosineHeadSpec, soften, take_class_vectors, take_nearest_mean
from sfumato.multilabel_predictions import of_one_class
from sfumato.training.averaging import carrying, copies
from sfumato.training.class_means import class_means
from sfumato.training.inference import predict_tasks
from sfumato.training.interpolation import begins_with_new_head
from sfumato.training.job import Job


def start_weights(job: Job, step: int) -> dict[str, Tensor]:
    """What the model holds before a step; a head that is new there names the class of the nearest mean instead.

    The model keeps its own weights, and is left in evaluation mode.
    """
    own = copies(job.model)
    if isinstance(job.model, DualEncoder) or not begins_with_new_head(job.plan, step):
        return own  # a dual encoder whose towers never met is refused
    with carrying(job.model, own):
        _begin_from_means(job)
        return copies(job.model)


def _begin_from_means(job: Job) -> None:
    """Let the model's new head begin from class means, at the image size of validation, which it will be judged at.

    A linear one gets a temperature a task by which its probabilities fit the training part: validation must not have
    been seen by what it is to choose from.
    """
    model, size = job.model, job.preprocess.size
    if isinstance(model.head_spec, CosineHeadSpec):
        take_class_vectors(model.head, class_means(job, size, unit=True))
        return
    take_nearest_mean(model.head, class_means(job, size, unit=False))
    said = predict_tasks(model, job.train, job.preprocess, job.machine, job.workers, pictures=job.pictures)
    known = [predictions.known() for predictions in of_one_class(said).values()]
    soften(model.head, [fit_temperature(one.logits, one.truth).value for one in known])
