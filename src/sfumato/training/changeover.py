"""A head that takes another's place in mid-training, and centres that appear: what they begin from."""

import torch

from sfumato.data.randomness import torch_seed
from sfumato.losses.centre import Centres
from sfumato.models.heads import CosineHeadSpec, linear_rows, take_class_vectors
from sfumato.models.prototype_head import PrototypeHeadSpec
from sfumato.training.arithmetic_choice import fuses
from sfumato.training.class_means import class_means
from sfumato.training.job import Job
from sfumato.training.midpoint import fit_midpoint
from sfumato.training.optimizer import build_optimizer, optimizer_tensors, restore_optimizer
from sfumato.training.settings import Settings


def begin_head(job: Job) -> None:
    """Let the first head of a training begin as it says; its random weights are there already."""
    first = job.plan.at(0)
    if isinstance(first.head, CosineHeadSpec) and first.head.start == "class_means":
        take_class_vectors(job.model.head, class_means(job, first.image_size, unit=True))
    if isinstance(first.head, PrototypeHeadSpec) and first.head.midpoint == "fitted" and job.spec.init_from is None:
        fit_midpoint(job)


def change_head(job: Job, settings: Settings) -> None:
    """Put the settings' head on the job's model, begun as it says."""
    spec, model = settings.head, job.model
    start = spec.start if isinstance(spec, CosineHeadSpec) else "random"
    rows = linear_rows(model.head) if start == "old_rows" else None
    if start == "class_means":
        rows = class_means(job, settings.image_size, unit=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(job.spec.seed, "head", settings.step))
        model.replace_head(spec)
    if rows is not None:
        take_class_vectors(model.head, rows)


def replaced_head(old: torch.optim.Optimizer, job: Job) -> torch.optim.Optimizer:
    """An optimiser for the job's model that remembers all the old one did, but of the head."""
    new = build_optimizer(job.spec.optimizer, job.model, job.plan, fused=fuses(job.spec.fused, job.machine.device.type))
    known = {key: tensor for key, tensor in optimizer_tensors(old).items() if not key.startswith("head.")}
    restore_optimizer(new, known)
    return new


def make_centres(job: Job, settings: Settings) -> Centres:
    """Centres at the means of their classes; the model is left in evaluation mode.

    Features are compared at length 1 where the head is a cosine, which looks at nothing but their direction.
    """
    unit = isinstance(settings.head, CosineHeadSpec)
    return Centres(class_means(job, settings.image_size, unit=unit), unit=unit)
