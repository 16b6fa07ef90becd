"""Features computed once, while nothing below the head learns: such a stage takes seconds, with the same result."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sfumato.data.augment import AugmentSpec
from sfumato.data.loading import Batch, Request, Samples, batches
from sfumato.data.rows.store import RowStore
from sfumato.data.table import Table
from sfumato.data.views import PLAIN
from sfumato.models.arithmetic import full_precision
from sfumato.training.feature_keys import Asked, row_keys, store_name
from sfumato.training.frozen_phases import MOST_BYTES, Stretch, frozen_epochs, kept_phases, views_of
from sfumato.training.inference import BATCH
from sfumato.training.job import Job

MOST_ON_DISK = 20 * 2**30
"""Bytes that features of all runs may take on the disk."""


@dataclass(frozen=True)
class Features:
    """What the head sees of every image."""

    train: Tensor
    """(V, N, D) of each view of the training images, on the training's device; (V, N, T, D) where they are maps."""
    val: Tensor
    """(M, D) of the validation images, or (M, T, D)."""
    computed: int
    """How many of these had to be computed; the others are known from an earlier run or fold."""

    @property
    def images(self) -> int:
        """Images and views of them."""
        return len(self.train) * self.train.shape[1] + len(self.val)

    def batch(self, wanted: list[Request], targets: Tensor) -> Batch:
        """One batch, features in the place of images.

        Args:
            wanted: Its samples; `epoch` is the view.
            targets: Of all N training images.
        """
        rows, views = places(wanted, len(self.train))
        return Batch(self.train[views, rows], targets[rows], tuple(rows), tuple(request.epoch for request in wanted))


def places(wanted: Sequence[Request], views: int) -> tuple[list[int], list[int]]:
    """Row and view of each sample of a batch; `epoch` is the view, where there are several."""
    return [request.row for request in wanted], [request.epoch if views > 1 else 0 for request in wanted]


def keep_features(job: Job, phase: Stretch) -> Features:
    """The features of all training and validation images in a phase, in an order that no worker decides.

    A text is read once, whatever the number of views. The job's model is left in evaluation mode.
    """
    settings, size = job.plan.at(phase.begin), job.preprocess.size
    with job.model.reading_once():
        side, strength = settings.image_size, settings.augment
        asked = [Asked(view, side, strength, job.augment, trains=True) for view in range(views_of(job))]
        found = [_of(job, job.train, one) for one in asked]
        val, new = _of(job, job.val, Asked(0, size, 0.0, AugmentSpec(), trains=False))
        return Features(torch.stack([features for features, _ in found]), val, new + sum(count for _, count in found))


def plain_features(job: Job, table: Table) -> Tensor:
    """(N, D) or (N, T, D) features of a table's images as validation shows them, on the job's device.

    They are computed in full precision, for which the job's machine must be one of fp32; those that are kept are not
    computed again. The job's model is left in evaluation mode.
    """
    exact = replace(job, spec=job.spec.model_copy(update={"precision": "fp32", "tf32": False}))
    with full_precision():
        return _of(exact, table, Asked(0, job.preprocess.size, 0.0, AugmentSpec(), trains=False))[0]


def read_until(job: Job) -> int:
    """The first steps, from 0 on, in which the text tower never learns, so that a text need be read once only.

    0 where there is none, or no more of them than those for which all features are kept.
    """
    texts = job.train.texts
    names = [name for name, _ in job.model.named_parameters() if name.startswith("text.")]
    fits = 4 * job.model.width * (len(job.train) + len(job.val)) <= MOST_BYTES
    if not texts or not names or job.augment.texts is not None or not fits:
        return 0
    step = job.plan.clock.first_step(next((end for begin, end in frozen_epochs(job.plan, names) if begin == 0), 0.0))
    return step if step > next((phase.end for phase in kept_phases(job) if phase.begin == 0), 0) else 0


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


def _of(job: Job, table: Table, asked: Asked) -> tuple[Tensor, int]:
    """(N, D) or (N, T, D) features of a table's images, and how many were computed; the others were kept before."""
    job.model.eval()
    found = torch.zeros(len(table), *job.model.features_shape(asked.size), device=job.machine.device)
    if job.spec.keep_features == "memory" or not job.model.told_by_weights or not len(table):
        for rows, new in _computed(job, table, asked, range(len(table))):
            found[rows] = new
        return found, len(table)
    keys = row_keys(job, table, asked)
    with RowStore("features", store_name(job, asked), np.float32, MOST_ON_DISK) as store:
        missing = _recall(store, keys, found)
        for rows, new in _computed(job, table, asked, missing):
            found[rows] = new
            for row, one in zip(rows, new.cpu().numpy(), strict=True):
                if (key := keys[row]) is not None:
                    store.add(key, one)
    return found, len(missing)


def _recall(store: RowStore, keys: Sequence[bytes | None], found: Tensor) -> list[int]:
    """Put in place what was kept; the rows that were not."""
    known = [(row, key) for row, key in enumerate(keys) if key is not None]
    missing = {row for row, key in enumerate(keys) if key is None}
    for (row, _), kept in zip(known, store.find([key for _, key in known]), strict=True):
        if kept is None or kept.shape != found.shape[1:]:
            missing.add(row)
        else:
            found[row] = torch.from_numpy(kept.copy())
    return sorted(missing)


def _computed(job: Job, table: Table, asked: Asked, rows: Sequence[int]) -> Iterator[tuple[list[int], Tensor]]:
    """Some rows, and their features, batch by batch."""
    for batch in looked_at(job, table, asked, rows, BATCH):
        with torch.no_grad(), job.machine.autocast():
            found = job.model.features(batch.shown).float()
        yield list(batch.rows), found


def looked_at(job: Job, table: Table, asked: Asked, rows: Sequence[int], at_once: int) -> Iterator[Batch]:
    """Batches of some rows, on the training's device, with their progress shown."""
    look = None if asked.trains else PLAIN
    samples = Samples(table, job.preprocess, asked.augment, job.spec.seed, job.pictures, look)
    parts = [rows[start : start + at_once] for start in range(0, len(rows), at_once)]
    wanted = ([Request(row, asked.view, 0, asked.size, asked.strength) for row in part] for part in parts)
    for batch in job.show(batches(samples, wanted, job.workers if len(rows) > at_once else 0), len(parts)):
        yield job.machine.placed(batch)
