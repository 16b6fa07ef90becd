"""Dry batches: real steps of a recipe's network on random pictures, timed. Nothing of a run is touched or kept."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from sfumato.data.loading import Batch
from sfumato.errors import RunError
from sfumato.training.job import Job
from sfumato.training.memory import release_memory
from sfumato.training.peak_memory import PeakMemory
from sfumato.training.stages import Stage
from sfumato.training.step import Learner

Clock = Callable[[], float]
_FEW = 4
"""Images of the first step, which tells how many a timed one can have."""
_LEAST_TIMES, _MOST_TIMES = 2, 20
"""Steps whose mean is taken."""


@dataclass(frozen=True)
class Timed:
    """What a piece of work on so many images takes."""

    seconds: float
    """Scaled up where fewer images were measured."""
    measured: int
    """Images it was measured with."""


@dataclass(frozen=True)
class StageCost:
    """What the steps of a stage take."""

    stage: Stage
    step: Timed
    memory: int | None
    """Bytes at most; None = not known."""


def timed(work: Callable[[int], None], images: int, allowed: float, clock: Clock = time.perf_counter) -> Timed:
    """Time work on a number of images, or on fewer of them where that would take longer than allowed.

    The first time is for warming up; the mean of the others counts, since training has slow moments too.

    Args:
        work: Does it once, on so many images, and waits for its end.
        images: As the work will have.
        allowed: Seconds that all of this may take, about.
        clock: Seconds.
    """
    few = min(_FEW, images)
    work(few)
    start = clock()
    work(few)
    first = max(clock() - start, 1e-9)
    count = min(images, max(few, int(allowed / (_LEAST_TIMES + 1) * few / first)))
    if count > few:
        work(count)
    start, times = clock(), 0
    while times < _LEAST_TIMES or (times < _MOST_TIMES and (clock() - start) * (times + 1) / times < allowed / 2):
        work(count)
        times += 1
    return Timed((clock() - start) / times * images / count, count)


class DryRun:
    """A copy of a job's network that takes steps for their time alone.

    Args:
        job: As it would train; it is left as it is.
    """

    def __init__(self, job: Job) -> None:
        model = copy.deepcopy(job.model).to(job.machine.device)
        self._job = replace(job, model=model)
        self._learner = Learner(self._job)

    def stage(self, stage: Stage, allowed: float) -> StageCost:
        """Measure a stage; in their order, since heads are exchanged.

        Raises:
            RunError: The device's memory is too small for it.
        """
        try:
            self._take_head(stage)
            self._step(stage, min(_FEW, stage.images))  # what grows with the network, not with the batch, is there now
            release_memory()
            peak = PeakMemory(self._job.machine.device)
            step = timed(lambda images: self._step(stage, images), stage.images, allowed)
        except torch.OutOfMemoryError:
            mend = "lower batch_size or image_size there, or raise train.accumulate"
            raise RunError(f"out of memory on {self._job.machine.device.type} {stage.name}; {mend}") from None
        return StageCost(stage, step, _scaled(peak.before, peak.read(), stage.images / step.measured))

    def forward(self, size: int, images: int, allowed: float) -> Timed:
        """Measure asking the network, as validation does, for images of a size."""
        self._learner.leave_training()
        return timed(lambda count: self._ask(size, count), images, allowed)

    def _take_head(self, stage: Stage) -> None:
        if stage.settings.head != self._learner.head:
            self._job.model.replace_head(stage.settings.head)
            self._learner.take_head(stage.settings)

    def _step(self, stage: Stage, images: int) -> None:
        # centres begin at the means over all pictures, and cost next to nothing afterwards; no rate, no drift
        settings = replace(stage.settings, centre_loss=None, lr=0.0)
        self._learner.apply(settings)
        outcome = self._learner.step(self._batch(settings.image_size, images), settings, images)
        float(outcome.loss_sum)  # waits for the device

    @torch.no_grad()
    def _ask(self, size: int, images: int) -> None:
        with self._job.machine.autocast():
            logits = self._job.model.logits(self._batch(size, images).shown)
        float(logits.sum())  # waits for the device

    def _batch(self, size: int, images: int) -> Batch:
        pixels = torch.randint(0, 256, (images, 3, size, size), dtype=torch.uint8)
        layout = self._job.train.layout
        sizes = torch.full((layout.classes,), 2) if layout.multilabel else torch.tensor(layout.sizes)
        targets = torch.arange(images)[:, None] % sizes
        batch = Batch(pixels, targets, tuple(range(images)))
        if (texts := self._job.train.texts) is not None:
            those = tuple(texts[row % len(texts)] for row in range(images))
            batch = replace(batch, texts=those, pictures=(1,) * images)
        return self._job.machine.placed(batch)


def _scaled(before: int | None, peak: int | None, factor: float) -> int | None:
    """What was there before, and the growth over it for all images of a step."""
    if before is None or peak is None:
        return None
    return before + round(max(0, peak - before) * factor)
