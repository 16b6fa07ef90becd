"""Whether every process gets images enough of every batch."""

import copy
from bisect import bisect_left

import torch

from sfumato.errors import InputError
from sfumato.models.network import Network
from sfumato.training.parameters import apply_learning
from sfumato.training.plan import Plan
from sfumato.training.settings import Settings


def check_batches(model: Network, plan: Plan, processes: int) -> None:
    """Refuse batches that are too small for the processes, or for the batch norm of one, before anything is trained.

    Raises:
        InputError: With the least batch size.
    """
    changes = {bisect_left(range(plan.steps - 1), moment, key=plan.clock.epoch_at) for moment in plan.moments()}
    tried: set[tuple[object, int]] = set()
    for step in sorted(changes | set(plan.clock.starts[:-1])):
        settings, images = plan.at(step), plan.images_at(step)
        if images < processes:
            raise InputError(
                f"{images} images a step can't be shared by {processes} processes (epoch {settings.epoch + 1})",
                setting="timeline",
                expected=f"a batch_size of at least {processes}, and as many images to train on",
            )
        if images // processes > 1 or (settings.learn, settings.image_size) in tried:
            continue
        tried.add((settings.learn, settings.image_size))
        if not _learns_from_one(model, settings):
            raise InputError(
                f"batch norm can't learn from one image of {settings.image_size} px (epoch {settings.epoch + 1})",
                setting="timeline",
                expected=f"a batch_size of at least {2 * processes}, and as many images to train on",
            )


@torch.no_grad()
def _learns_from_one(model: Network, settings: Settings) -> bool:
    trial = copy.deepcopy(model)
    apply_learning(trial, settings.learn)
    try:
        trial.logits(torch.zeros(1, 3, settings.image_size, settings.image_size))
    except ValueError:  # torch's "Expected more than 1 value per channel when training"
        return False
    return True
