"""Features computed once, where nothing below the head ever learns: then a training takes seconds, with its result."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.data.augment import AugmentSpec
from sfumato.data.loading import Batch, Request, Samples, batches
from sfumato.data.table import Table
from sfumato.data.views import PLAIN, View
from sfumato.training.inference import BATCH
from sfumato.training.job import Job
from sfumato.training.parameters import scales
from sfumato.training.settings import FROZEN

MOST_BYTES = 2e9
"""Memory that features may take; where there would be more, every step computes its own."""


@dataclass(frozen=True)
class Features:
    """What the head sees of every image."""

    train: Tensor
    """(V, N, D) of each view of the training images, on the training's device."""
    val: Tensor
    """(M, D) of the validation images."""

    def batch(self, wanted: list[Request], targets: Tensor) -> Batch:
        """One batch, features in the place of images.

        Args:
            wanted: Its samples; `epoch` is the view.
            targets: Of all N training images.
        """
        rows = [request.row for request in wanted]
        views = [request.epoch if len(self.train) > 1 else 0 for request in wanted]
        return Batch(self.train[views, rows], targets[rows], tuple(rows), tuple(request.epoch for request in wanted))


def can_be_kept(job: Job) -> bool:
    """Whether every step would compute the same features again: frozen, unmixed, of pictures that recur."""
    plan, model = job.plan, job.model
    names = [name for name, _ in model.named_parameters()]
    tables = [scales(names, change.value, change.setting, now=False) for change in plan.learn]
    learn = {name for table in tables for name, scale in table.items() if scale != FROZEN}
    if any(not name.startswith("head.") for name in learn) or len(plan.image_sizes) > 1:
        return False
    mixed = any(any(plan.tracks[name].values) for name in ("mixup_alpha", "cutmix_alpha"))
    strength = plan.tracks["augment"].steady
    recurs = strength == 0 or (strength is not None and job.augment.views is not None)
    size = 4 * model.width * (_views(job) * len(job.train) + len(job.val))
    return recurs and not mixed and job.machine.processes == 1 and size <= MOST_BYTES


def keep_features(job: Job) -> Features:
    """Compute the features of all training and validation images, in an order that no worker decides.

    The job's model is left in evaluation mode.
    """
    strength = job.plan.at(0).augment
    train = torch.stack([_of(job, job.train, view, strength, job.augment) for view in range(_views(job))])
    return Features(train, _of(job, job.val, 0, 0.0, AugmentSpec(), PLAIN))


def _views(job: Job) -> int:
    return job.augment.views or 1


@torch.no_grad()
def _of(job: Job, table: Table, view: int, strength: float, augment: AugmentSpec, look: View | None = None) -> Tensor:
    """(N, D) features of one augmented view of a table's images, or of one way to look at them."""
    model, machine, size = job.model.eval(), job.machine, job.plan.final_size
    samples = Samples(table, job.preprocess, augment, job.spec.seed, job.pictures, look)
    rows = range(len(table))
    wanted = ([Request(row, view, 0, size, strength) for row in rows[i : i + BATCH]] for i in rows[::BATCH])
    found = torch.zeros(len(table), model.width, device=machine.device)
    found_in = batches(samples, wanted, job.workers if len(table) > BATCH else 0)
    for batch in job.show(found_in, -(-len(table) // BATCH)):
        with machine.autocast():
            found[list(batch.rows)] = model.features(batch.to(machine.device).shown).float()
    return found
