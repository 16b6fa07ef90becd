"""The training images of an epoch once more, for statistics of weights that never saw a batch."""

from collections.abc import Iterator
from itertools import islice

from torch import Tensor

from sfumato.data.loading import Samples, batches
from sfumato.shown import Shown
from sfumato.training.job import Job
from sfumato.training.stream import requests


def images_of(job: Job, epoch: int) -> Iterator[Tensor | Shown]:
    """What the model was shown in each step of an epoch, before any mixing; this process's share."""
    machine = job.machine
    samples = Samples(job.train, job.preprocess, job.augment, job.spec.seed, job.pictures)
    first, after = job.plan.clock.starts[epoch : epoch + 2]
    wanted = requests(job.plan, job.drawn_by, job.draws, first, rank=machine.rank, processes=machine.processes)
    for batch in batches(samples, islice(wanted, after - first), job.workers):
        yield machine.placed(batch).shown
