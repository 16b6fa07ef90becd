"""The stream of batches: requests of every step from any step on, a pure function of plan, seed and step."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sfumato.data.loading import Request
from sfumato.data.sampling import epoch_order, occurrence
from sfumato.training.draws import Draws
from sfumato.training.plan import Plan


def requests(
    plan: Plan, targets: NDArray[np.int64], draws: Draws, start: int, *, rank: int = 0, processes: int = 1
) -> Iterator[list[Request]]:
    """One list of requests a step, from step `start` to the end.

    Args:
        plan: Of the training.
        targets: (N,) class indices of the training rows; below 0 = unknown.
        draws: How samples are drawn.
        start: First step to yield.
        rank: Which process this is.
        processes: How many share each batch.
    """
    epoch, order, draw = -1, targets[:0], targets[:0]
    for step in range(start, plan.steps):
        settings = plan.at(step)
        if settings.epoch != epoch:
            epoch = settings.epoch
            order = epoch_order(targets, settings.sampler_power, draws.seed, epoch, draws.mix)
            draw = occurrence(order)
        first = (step - plan.clock.starts[epoch]) * settings.batch_size
        places = range(first, min(first + settings.batch_size, len(order)))[rank::processes]
        size, strength = settings.image_size, settings.augment
        if draws.views is None:
            yield [Request(int(order[i]), epoch, int(draw[i]), size, strength) for i in places]
        else:
            yield [Request(int(order[i]), (epoch + int(draw[i])) % draws.views, 0, size, strength) for i in places]
