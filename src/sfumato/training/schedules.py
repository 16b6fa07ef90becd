"""Learning-rate schedules in closed form: the rate is a function of progress, never of what came before."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, Tag

from sfumato.errors import InputError
from sfumato.metrics.label_scores import AnyScoreName
from sfumato.spec import Spec, kind_or
from sfumato.training.duration import ZERO, Duration, DurationField, PositiveDurationField

Moment = Callable[[Duration, float], float]
"""(duration, epochs before it) -> epochs from the start of training to its end."""

END = Duration(100, "%")
Factor = Annotated[float, Field(gt=0, lt=1)]


class _WarmedUp(Spec):
    warmup: DurationField = ZERO
    """How long the rate rises, linearly, from `warmup_from` times its base."""
    warmup_from: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """Share of the base rate that warm-up starts from."""


class CosineSpec(_WarmedUp):
    """Half a cosine from the base rate to the floor (Loshchilov & Hutter, SGDR, ICLR 2017, eq. 5, without restarts)."""

    kind: Literal["cosine"] = "cosine"
    floor: Annotated[float, Field(ge=0)] = 0.0
    """Learning rate at the end of the decay."""
    until: PositiveDurationField = END
    """Moment at which the floor is reached; it is held from there on."""


class LinearSpec(_WarmedUp):
    """A straight line from the base rate to the floor."""

    kind: Literal["linear"] = "linear"
    floor: Annotated[float, Field(ge=0)] = 0.0
    """Learning rate at the end of the decay."""
    until: PositiveDurationField = END
    """Moment at which the floor is reached; it is held from there on."""


class ConstantSpec(_WarmedUp):
    """The base rate, after warm-up."""

    kind: Literal["constant"] = "constant"


class StepSpec(_WarmedUp):
    """The rate is multiplied by a factor now and again."""

    kind: Literal["step"] = "step"
    every: PositiveDurationField
    """How long a rate is held; counted from the end of warm-up."""
    factor: Factor = 0.1
    """What the rate is multiplied by."""


class OneCycleSpec(Spec):
    """One rise and one fall, each half a cosine (Smith & Topin, Super-Convergence, 2018), as torch's OneCycleLR."""

    kind: Literal["onecycle"] = "onecycle"
    rise: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Share of the steps in which the rate rises to its base."""
    start_divisor: Annotated[float, Field(gt=1)] = 25.0
    """The first rate is the base divided by this."""
    end_divisor: Annotated[float, Field(gt=1)] = 1e4
    """The last rate is the first one divided by this."""


class PlateauSpec(_WarmedUp):
    """The rate falls when validation stops getting better; with early stopping the only schedule that looks back."""

    kind: Literal["plateau"] = "plateau"
    factor: Factor = 0.1
    """What the rate is multiplied by."""
    patience: Annotated[int, Field(ge=0)] = 10
    """Epochs without a better score that are waited for."""
    monitor: AnyScoreName | Literal["loss"] = "accuracy"
    """What must get better on validation: a score, or the loss."""
    min_delta: Annotated[float, Field(ge=0)] = 1e-4
    """Least change that counts as better, in the unit of what is monitored: 0.01 = one percent point of a score."""


Schedules = CosineSpec | LinearSpec | ConstantSpec | StepSpec | OneCycleSpec | PlateauSpec

ScheduleSpec = Annotated[
    Annotated[CosineSpec, Tag("cosine")]
    | Annotated[LinearSpec, Tag("linear")]
    | Annotated[ConstantSpec, Tag("constant")]
    | Annotated[StepSpec, Tag("step")]
    | Annotated[OneCycleSpec, Tag("onecycle")]
    | Annotated[PlateauSpec, Tag("plateau")],
    kind_or("cosine"),
]


@dataclass(frozen=True)
class Schedule:
    """A schedule with its durations as epochs."""

    spec: Schedules
    base: float
    """Learning rate after warm-up."""
    steps: int
    """Of the whole training."""
    epochs: int
    """Of the whole training."""
    warmup: float = 0.0
    """Epochs in which the rate rises."""
    until: float = 0.0
    """Epoch at which a decay has reached its floor."""
    every: float = 0.0
    """Epochs that a step decay holds a rate."""

    def rate(self, epoch: float, scale: float = 1.0) -> float:
        """The learning rate at a moment of training, in epochs from the start.

        The scale, of the timeline, multiplies whatever lies above the floor, so that it lasts as long as its keyframe.
        """
        spec = self.spec
        if isinstance(spec, OneCycleSpec):
            return scale * self.base * self._cycle(spec, epoch / self.epochs * self.steps)
        if epoch < self.warmup:
            return scale * self.base * (spec.warmup_from + (1 - spec.warmup_from) * epoch / self.warmup)
        if isinstance(spec, CosineSpec | LinearSpec):
            return spec.floor + scale * (self.base - spec.floor) * self._fall(spec, epoch)
        if isinstance(spec, StepSpec):
            return scale * self.base * spec.factor ** int((epoch - self.warmup) / self.every + 1e-9)
        return scale * self.base

    def _fall(self, spec: CosineSpec | LinearSpec, epoch: float) -> float:
        """From 1 at the end of warm-up to 0 at `until`."""
        long = self.until - self.warmup
        done = min(1.0, (epoch - self.warmup) / long) if long > 0 else 1.0
        return 1 - done if spec.kind == "linear" else (1 + math.cos(math.pi * done)) / 2

    def _cycle(self, spec: OneCycleSpec, step: float) -> float:
        """Share of the base at a step: the peak is at step rise * N - 1, the end at the last step."""
        first = 1 / spec.start_divisor
        peak = spec.rise * self.steps - 1  # before the first step where the rise is shorter than one
        if step <= peak and peak > 0:
            return _cosine(first, 1.0, step / peak)
        long = self.steps - 1 - peak
        return _cosine(1.0, first / spec.end_divisor, (step - peak) / long if long > 0 else 1.0)


def resolve(spec: Schedules, base: float, moment: Moment, epochs: int, steps: int) -> Schedule:
    """Turn a schedule's durations into epochs.

    Raises:
        InputError: A warm-up longer than training, or than the decay; a decay that ends after training.
    """
    schedule = Schedule(spec, base, steps, epochs)
    if isinstance(spec, OneCycleSpec):
        return schedule
    warmup = moment(spec.warmup, 0.0)
    if warmup > epochs:
        raise InputError(
            f"{spec.warmup} is longer than the {epochs} epochs of training", setting="train.schedule.warmup"
        )
    until = moment(spec.until, 0.0) if isinstance(spec, CosineSpec | LinearSpec) else 0.0
    if until > epochs:
        raise InputError(f"{until:g} epochs are past the end of training at {epochs}", setting="train.schedule.until")
    if until and until < warmup:
        raise InputError(
            f"the decay ends at epoch {until:g}, within the warm-up of {warmup:g}", setting="train.schedule.until"
        )
    every = moment(spec.every, 0.0) if isinstance(spec, StepSpec) else 0.0
    if every and warmup + every >= epochs:
        when = f"at epoch {warmup + every:g}, and training ends at {epochs}"
        raise InputError(f"has no effect: the first change is {when}", setting="train.schedule.every")
    return Schedule(spec, base, steps, epochs, warmup, until, every)


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2
