"""Learning-rate schedules in closed form: the rate is a function of progress, never of what came before."""

import math
from typing import Annotated, Literal

from pydantic import Field

from sfumato.spec import Spec
from sfumato.training.duration import ZERO, DurationField


class ScheduleSpec(Spec):
    """How the learning rate rises and falls over the whole training; the timeline's `lr_scale` multiplies it."""

    warmup: DurationField = ZERO
    """How long the rate rises, linearly, from `warmup_from` times its base."""
    warmup_from: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """Share of the base rate that warm-up starts from."""
    decay: Literal["cosine", "linear", "constant"] = "cosine"
    """How the rate falls from the end of warm-up to the end of training."""
    floor: Annotated[float, Field(ge=0)] = 0.0
    """Learning rate at the end of a cosine or linear decay."""


def learning_rate(spec: ScheduleSpec, base: float, scale: float, progress: float, warmup: float) -> float:
    """The learning rate at a moment of training.

    In warm-up: scale * base * (from + (1 - from) * progress / warmup). After it: floor + (scale * base - floor) times
    a shape that falls from 1 to 0. A scale therefore lasts for as long as its keyframe does.

    Args:
        spec: Shape of the schedule.
        base: Learning rate after warm-up.
        scale: The timeline's lr_scale at this moment.
        progress: Share of training that is done, 0 to 1.
        warmup: Share of training that is warm-up, 0 to 1.
    """
    peak = scale * base
    if progress < warmup:
        return peak * (spec.warmup_from + (1 - spec.warmup_from) * progress / warmup)
    if spec.decay == "constant":
        return peak
    done = (progress - warmup) / (1 - warmup) if warmup < 1 else 0.0
    shape = 1 - done if spec.decay == "linear" else (1 + math.cos(math.pi * done)) / 2
    return min(spec.floor, peak) + (peak - min(spec.floor, peak)) * shape
