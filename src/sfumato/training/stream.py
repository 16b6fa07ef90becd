"""The stream of batches: requests of every step from any step on, a pure function of plan, seed and step."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sfumato.data.loading import Request
from sfumato.data.sampling import SamplerMix, epoch_order, occurrence
from sfumato.training.plan import Plan


def requests(
    plan: Plan,
    targets: NDArray[np.int64],
    seed: int,
    start: int,
    *,
    mix: SamplerMix = "power",
    rank: int = 0,
    processes: int = 1,
) -> Iterator[list[Request]]:
    """One list of requests a step, from step `start` to the end.

    Args:
        plan: Of the training.
        targets: (N,) class indices of the training rows.
        seed: Of the run.
        start: First step to yield.
        mix: How draws go from natural to balanced.
        rank: Which process this is.
        processes: How many share each batch.
    """
    epoch, order, draw = -1, targets[:0], targets[:0]
    for step in range(start, plan.steps):
        settings = plan.at(step)
        if settings.epoch != epoch:
            epoch = settings.epoch
            order = epoch_order(targets, settings.sampler_power, seed, epoch, mix)
            draw = occurrence(order)
        first = (step - plan.clock.starts[epoch]) * settings.batch_size
        places = range(first, min(first + settings.batch_size, len(order)))[rank::processes]
        yield [Request(int(order[i]), epoch, int(draw[i]), settings.image_size, settings.augment) for i in places]
