"""Features computed once, while nothing below the head learns: such a stage takes seconds, with the same result."""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from sfumato.data.augment import AugmentSpec
from sfumato.data.loading import Batch, Request, Samples, batches
from sfumato.data.table import Table
from sfumato.data.views import PLAIN, View
from sfumato.models.network import below_head
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
    """(V, N, D) of each view of the training images, on the training's device; (V, N, T, D) where they are maps."""
    val: Tensor
    """(M, D) of the validation images, or (M, T, D)."""

    def batch(self, wanted: list[Request], targets: Tensor) -> Batch:
        """One batch, features in the place of images.

        Args:
            wanted: Its samples; `epoch` is the view.
            targets: Of all N training images.
        """
        rows = [request.row for request in wanted]
        views = [request.epoch if len(self.train) > 1 else 0 for request in wanted]
        return Batch(self.train[views, rows], targets[rows], tuple(rows), tuple(request.epoch for request in wanted))


def kept_steps(job: Job) -> int:
    """The first steps that would all compute the same features again: frozen, unmixed, of pictures that recur.

    0 where there are none, or where computing them once would be no less work, or take too much memory.
    """
    steps = _recurring(job)
    return steps if steps and _bytes(job) <= MOST_BYTES else 0


def too_large(job: Job) -> str | None:
    """What is to be said where features recur and take too much memory to be kept; None = nothing."""
    if not _recurring(job) or _bytes(job) <= MOST_BYTES:
        return None
    size = f"{_bytes(job) / 1e9:.1f} GB, and at most {MOST_BYTES / 1e9:g} are kept"
    return f"features of {len(job.train)} images would take {size}: every step computes its own"


def _recurring(job: Job) -> int:
    """The same, however much memory they take."""
    plan = job.plan
    end = _frozen_until(job, [name for name, _ in job.model.named_parameters() if below_head(name)])
    whole = end >= plan.clock.epochs
    names = ("mixup_alpha", "cutmix_alpha", "augment", "image_size")
    tracks = {name: plan.tracks[name].steady_until(end) for name in names}
    mixed = tracks["mixup_alpha"] != 0 or tracks["cutmix_alpha"] != 0
    looks = job.train.pictures != "none"  # nothing happens to texts
    recurs = not looks or tracks["augment"] == 0 or (tracks["augment"] is not None and job.augment.views is not None)
    if mixed or not recurs or tracks["image_size"] is None or job.machine.processes > 1:
        return 0
    return plan.steps if whole else plan.clock.first_step(end) if end > _views(job) else 0


def keep_features(job: Job) -> Features:
    """Compute the features of all training and validation images, in an order that no worker decides.

    A text is read once, whatever the number of views. The job's model is left in evaluation mode.
    """
    settings, size = job.plan.at(0), job.preprocess.size
    with job.model.reading_once():
        wanted = [(view, settings.image_size) for view in range(_views(job))]
        train = torch.stack([_of(job, job.train, view, side, settings.augment, job.augment) for view, side in wanted])
        return Features(train, _of(job, job.val, 0, size, 0.0, AugmentSpec(), PLAIN))


def _bytes(job: Job) -> float:
    """Memory that the features would take."""
    sizes = (job.plan.at(0).image_size, job.preprocess.size)
    train, val = (4 * prod(job.model.features_shape(size)) for size in sizes)
    return train * _views(job) * len(job.train) + val * len(job.val)


def read_until(job: Job) -> int:
    """The first steps, from 0 on, in which the text tower never learns, so that a text need be read once only.

    0 where there is none, or no more of them than those for which all features are kept.
    """
    texts = job.train.texts
    names = [name for name, _ in job.model.named_parameters() if name.startswith("text.")]
    fits = 4 * job.model.width * (len(job.train) + len(job.val)) <= MOST_BYTES
    if not texts or not names or job.augment.texts is not None or not fits:
        return 0
    end = _frozen_until(job, names)
    step = job.plan.steps if end >= job.plan.clock.epochs else job.plan.clock.first_step(end)
    return step if step > kept_steps(job) else 0


def read_ahead(job: Job) -> None:
    """Have every text read once, those that train and those that choose; like lengths together, to pad little.

    What is read in one pass with what depends on the texts alone: a resumed run finds the same numbers. The job's model
    is left in evaluation mode.
    """
    model = job.model.eval()
    texts = sorted({*(job.train.texts or ()), *(job.val.texts or ())}, key=lambda text: (len(text), text))
    passes = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    for some in job.show(iter(passes), len(passes)):
        with job.machine.autocast():
            model.keep_texts(some)


def _frozen_until(job: Job, names: list[str]) -> float:
    """Epoch from which on one of these parameters learns; that of the end where none ever does."""
    for change in job.plan.learn:
        if any(scale != FROZEN for scale in scales(names, change.value, change.setting, now=False).values()):
            return change.begin
    return float(job.plan.clock.epochs)


def _views(job: Job) -> int:
    return job.augment.views or 1


@torch.no_grad()
def _of(
    job: Job, table: Table, view: int, size: int, strength: float, augment: AugmentSpec, look: View | None = None
) -> Tensor:
    """(N, D) or (N, T, D) features of one augmented view of a table's images, or of one way to look at them."""
    model, machine = job.model.eval(), job.machine
    samples = Samples(table, job.preprocess, augment, job.spec.seed, job.pictures, look)
    rows = range(len(table))
    wanted = ([Request(row, view, 0, size, strength) for row in rows[i : i + BATCH]] for i in rows[::BATCH])
    found = torch.zeros(len(table), *model.features_shape(size), device=machine.device)
    found_in = batches(samples, wanted, job.workers if len(table) > BATCH else 0)
    for batch in job.show(found_in, -(-len(table) // BATCH)):
        with machine.autocast():
            found[list(batch.rows)] = model.features(batch.to(machine.device).shown).float()
    return found
