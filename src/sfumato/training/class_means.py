"""The mean of the features of each class over the training part: where heads and centres may begin."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.data.views import View
from sfumato.training.inference import outputs
from sfumato.training.job import Job


@torch.no_grad()
def class_means(job: Job, image_size: int, *, unit: bool) -> Tensor:
    """(C, D) means of the features that the model has now, without augmentation; zeros for a class without image.

    The classes of several tasks stand one below the other, as their logits do side by side. An image of several classes
    counts for each of them.

    It depends on weights and data alone, so that a run that is killed at such a moment goes on alike.

    Args:
        job: Its model is asked, in evaluation mode, and left in that.
        image_size: Side of the images, pixels.
        unit: Whether features are scaled to length 1 first.
    """
    model, machine = job.model.eval(), job.machine
    targets = torch.from_numpy(job.train.answers).to(machine.device)
    layout = job.train.layout
    places = [where.start for where in layout.slices.values()]
    sums = torch.zeros(model.classes, model.width + 1, dtype=torch.float64, device=machine.device)
    view = View(size=image_size)
    for rows, features in outputs(
        model.features, job.train, job.preprocess, machine, job.workers, pictures=job.pictures, view=view
    ):
        found = F.normalize(features.float(), dim=1) if unit else features.float()
        counted = torch.cat([found, torch.ones_like(found[:, :1])], dim=1).to(sums.dtype)
        if layout.multilabel:
            sums += (targets[rows] == 1).to(sums.dtype).T @ counted
            continue
        for answers, first in zip(targets[rows].unbind(dim=1), places, strict=True):
            known = answers >= 0
            sums.index_add_(0, first + answers[known], counted[known])
    sums = machine.sum(sums)
    return (sums[:, :-1] / sums[:, -1:].clamp(min=1)).float()
