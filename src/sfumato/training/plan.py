"""The plan: a timeline resolved once against the data, `plan.at(step) -> Settings`, a pure function."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import cast

from sfumato.data.mixing import Mixing
from sfumato.data.sampling import steps_in_epoch
from sfumato.errors import InputError
from sfumato.losses.centre import CentreLossSpec
from sfumato.losses.class_weights import ClassWeights
from sfumato.losses.cross_entropy import CrossEntropySpec
from sfumato.losses.loss import Loss
from sfumato.models.heads import Head
from sfumato.training.averaging import SwaSpec
from sfumato.training.blends import refuse_idle_mixing
from sfumato.training.clock import Clock
from sfumato.training.keyframe import START, Keyframe
from sfumato.training.schedules import Schedule, Schedules, resolve
from sfumato.training.settings import Settings
from sfumato.training.timeline import Changes, LearnTable, Track, changes, check_order, learn_changes, track, value_at

RAMP_PIXELS = 32
"""A ramp of the image size moves in steps of this many pixels, which most networks divide evenly."""


@dataclass(frozen=True)
class Averaging:
    """Stochastic weight averaging, from a moment to the end."""

    spec: SwaSpec
    begin: int
    """Epoch."""
    anneal: float
    """Epochs in which the learning rate comes to its own."""
    setting: str
    """Recipe path it comes from."""

    def takes(self, epoch: int) -> bool:
        """Whether the weights at the end of an epoch are one of those averaged."""
        return epoch >= self.begin and (epoch + 1 - self.begin) % self.spec.every == 0


@dataclass(frozen=True)
class Plan:
    """What happens at each step of a training."""

    clock: Clock
    samples: int
    """Training samples."""
    tracks: dict[str, Track]
    """Every numeric track by name."""
    learn: Changes[LearnTable]
    """Every change of the parameters that learn."""
    heads: Changes[Head]
    """Every change of the head; the first is the model's own."""
    losses: Changes[Loss]
    class_weights: Changes[ClassWeights | None]
    centre_losses: Changes[CentreLossSpec | None]
    averaging: Averaging | None
    schedule: Schedule
    head_warmups: tuple[tuple[float, float], ...]
    """(epoch, epochs) of the heads whose learning rate rises from 0."""
    keyframes: tuple[float, ...]
    """Epochs of the recipe's keyframes."""

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole training."""
        return self.clock.steps

    @property
    def warmup(self) -> float:
        """Epochs in which the learning rate first rises; 0 = none."""
        return self.schedule.warmup

    @property
    def choices(self) -> "dict[str, Changes[object]]":
        """Every track that is no number, by name."""
        named = {"learn": self.learn, "head": self.heads, "loss": self.losses, "class_weights": self.class_weights}
        return cast("dict[str, Changes[object]]", {**named, "centre_loss": self.centre_losses})

    @property
    def final_size(self) -> int:
        """Image size that training ends at: what validation, prediction and the bundle use."""
        return int(self.tracks["image_size"].values[-1])

    @property
    def image_sizes(self) -> list[int]:
        """Every image size that training or validation uses, in pixels, sorted."""
        size = self.tracks["image_size"]
        moments = {self.clock.epoch_at(step) for step in range(0, self.steps, max(1, self.steps // 1000))}
        at_moments = {_pixels(size.at(moment), size) for moment in moments}
        return sorted(at_moments | {_pixels(size.at(moment), size) for moment in self.moments()} | {self.final_size})

    def at(self, step: int) -> Settings:
        """Settings of an optimiser step, 0 to `steps` - 1."""
        if not 0 <= step < self.steps:
            raise IndexError(f"step {step} of a plan of {self.steps} steps")
        now = self.clock.epoch_at(step)
        epoch = int(now)
        value = {name: a_track.at(now) for name, a_track in self.tracks.items()}
        return Settings(
            step=step,
            epoch=epoch,
            lr=self.lr_at(now),
            learn=self.learn_at(now),
            head=self.head_at(now),
            head_lr=self._head_lr(now),
            batch_size=self.batch_size(epoch),
            image_size=_pixels(value["image_size"], self.tracks["image_size"]),
            augment=value["augment"],
            sampler_power=self.tracks["sampler_power"].at(epoch),
            loss=value_at(self.losses, now).value,
            class_weights=value_at(self.class_weights, now).value,
            label_smoothing=value["label_smoothing"],
            mixing=Mixing(value["mixup_alpha"], value["cutmix_alpha"], value["mix_probability"], value["cutmix_share"]),
            centre_loss=value_at(self.centre_losses, now).value,
            teacher_forcing=value["teacher_forcing"],
            ema_decay=value["ema_decay"],
            averaging=self.averaging is not None and epoch >= self.averaging.begin,
        )

    def images_at(self, step: int) -> int:
        """Images an optimiser step sees over all processes: a batch, or all samples where there are fewer."""
        return min(self.at(step).batch_size, self.samples)

    def lr_at(self, epoch: float, factor: float = 1.0) -> float:
        """Learning rate at a moment, in epochs from the start, where a plateau has left a factor of the schedule's."""
        swa, scale = self.averaging, self.tracks["lr_scale"]
        if swa is None or epoch < swa.begin:
            return factor * self.schedule.rate(epoch, scale.at(epoch))
        left = 1 - (epoch - swa.begin) / swa.anneal if swa.anneal else 0.0
        if left <= 0:
            return swa.spec.lr
        before = factor * self.schedule.rate(swa.begin, scale.at(swa.begin))
        return swa.spec.lr + (before - swa.spec.lr) * (1 - math.cos(math.pi * left)) / 2

    def learn_at(self, epoch: float) -> LearnTable:
        """What learns at a moment, in epochs from the start."""
        return value_at(self.learn, epoch).value

    def head_at(self, epoch: float) -> Head:
        """What stands on the backbone at a moment, in epochs from the start."""
        return value_at(self.heads, epoch).value

    def head_begins(self, epoch: float) -> float:
        """Since when the head of a moment stands there; both in epochs from the start."""
        return value_at(self.heads, epoch).begin

    def batch_size(self, epoch: int) -> int:
        """Images a step sees in an epoch."""
        return int(self.tracks["batch_size"].at(epoch))

    def moments(self) -> list[float]:
        """Epochs at which something begins or ends to change: the rows of the printed plan."""
        found = {change.begin for some in self.choices.values() for change in some}
        for a_track in self.tracks.values():
            found |= {at for segment in a_track.segments for at in (segment.start, segment.end)}
        found |= {at for begin, long in self.head_warmups for at in (begin, begin + long)}
        if self.averaging:
            found |= {float(self.averaging.begin), self.averaging.begin + self.averaging.anneal}
        if self.warmup:
            found.add(self.warmup)
        return sorted(at for at in found if at < self.clock.epochs)

    def _head_lr(self, epoch: float) -> float:
        begin = value_at(self.heads, epoch).begin
        long = dict(self.head_warmups).get(begin)
        return 1.0 if long is None else min(1.0, (epoch - begin) / long)


def make_plan(
    keyframes: Sequence[Keyframe],
    schedule: Schedules,
    *,
    base_lr: float,
    epochs: int,
    samples: int,
    image_size: int,
    head: Head,
    loss: Loss = CrossEntropySpec(),  # noqa: B008  # frozen
) -> Plan:
    """Resolve a timeline.

    Args:
        keyframes: The recipe's timeline, in order.
        schedule: Warm-up and decay.
        base_lr: Learning rate after warm-up.
        epochs: Length of training.
        samples: Training samples, which with the batch size give the steps of an epoch.
        image_size: Pixels before any keyframe says otherwise.
        head: What stands on the backbone before any keyframe says otherwise.
        loss: What is minimised before any keyframe says otherwise.

    Raises:
        InputError: A contradiction in the timeline, with the recipe path of its place.
    """
    clock = _clock(keyframes, epochs, samples)
    last = clock.epoch_at(clock.steps - 1)
    check_order(keyframes, clock.moment, epochs, last)
    start = {**START, "image_size": image_size}
    tracks = {name: track(name, value, keyframes, clock.moment, epochs, last) for name, value in start.items()}
    refuse_idle_mixing(tracks, epochs)
    return Plan(
        clock=clock,
        samples=samples,
        tracks=tracks,
        learn=learn_changes(keyframes, clock.moment),
        heads=changes("head", head, keyframes, clock.moment, "model.head"),
        losses=changes("loss", loss, keyframes, clock.moment),
        class_weights=changes("class_weights", cast("ClassWeights | None", None), keyframes, clock.moment),
        centre_losses=changes("centre_loss", cast("CentreLossSpec | None", None), keyframes, clock.moment),
        averaging=_averaging(keyframes, clock),
        schedule=resolve(schedule, base_lr, clock.moment, epochs, clock.steps),
        head_warmups=_head_warmups(keyframes, clock),
        keyframes=tuple(clock.moment(keyframe.at, 0.0) for keyframe in keyframes),
    )


def _clock(keyframes: Sequence[Keyframe], epochs: int, samples: int) -> Clock:
    _refuse_steps_for_batch_size(keyframes)
    by_epochs = Clock(tuple(range(epochs + 1)))  # batch sizes change at epochs, so they need no steps yet
    batch_size = track("batch_size", START["batch_size"], keyframes, by_epochs.moment, epochs, epochs - 1)
    steps = [steps_in_epoch(samples, int(batch_size.at(epoch))) for epoch in range(epochs)]
    return Clock((0, *accumulate(steps)))


def _averaging(keyframes: Sequence[Keyframe], clock: Clock) -> Averaging | None:
    found = [(index, keyframe) for index, keyframe in enumerate(keyframes) if keyframe.swa is not None]
    if not found:
        return None
    index, keyframe = found[0]
    setting, spec = f"timeline[{index}].swa", cast(SwaSpec, keyframe.swa)
    if len(found) > 1:
        raise InputError("averaging has begun before", setting=f"timeline[{found[1][0]}].swa", expected="one swa")
    begin = clock.moment(keyframe.at, 0.0)
    if not begin.is_integer():
        raise InputError(f"averages ends of epochs, and {keyframe.at} is epoch {begin:g}", setting=setting)
    if begin + spec.every > clock.epochs:
        raise InputError(
            f"has no effect: the first weights would be taken at epoch {begin + spec.every:g}, past the end of "
            f"training at {clock.epochs}",
            setting=setting,
        )
    anneal = clock.moment(spec.anneal, begin) - begin
    if begin + anneal > clock.epochs:
        raise InputError(f"{spec.anneal} from epoch {begin:g} end past training", setting=f"{setting}.anneal")
    return Averaging(spec, int(begin), anneal, setting)


def _head_warmups(keyframes: Sequence[Keyframe], clock: Clock) -> tuple[tuple[float, float], ...]:
    found: list[tuple[float, float]] = []
    for index, keyframe in enumerate(keyframes):
        if keyframe.head_warmup is None:
            continue
        setting = f"timeline[{index}].head_warmup"
        if keyframe.head is None:
            raise InputError("has no effect: no head is new here", setting=setting, mend="set head beside it")
        begin = clock.moment(keyframe.at, 0.0)
        end = clock.moment(keyframe.head_warmup, begin)
        if end > clock.epochs:
            raise InputError(f"ends at epoch {end:g}, past the end of training at {clock.epochs}", setting=setting)
        found.append((begin, end - begin))
    return tuple(found)


def _refuse_steps_for_batch_size(keyframes: Sequence[Keyframe]) -> None:
    for index, keyframe in enumerate(keyframes):
        if keyframe.batch_size is not None and keyframe.at.unit == "st":
            raise InputError(
                f"the batch size decides how long a step is, so it can't change at {keyframe.at}",
                setting=f"timeline[{index}].batch_size",
                expected="a keyframe in epochs (3ep) or percent (20%)",
            )


def _pixels(value: float, size: Track) -> int:
    """The nearest of the sizes that keyframes name and of those that a ramp takes on its way."""
    step = RAMP_PIXELS * max(1, round(value / RAMP_PIXELS))
    return int(min((step, *size.values), key=lambda pixels: abs(pixels - value)))
