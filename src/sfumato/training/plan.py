"""The plan: a timeline resolved once against the data, `plan.at(step) -> Settings`, a pure function."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from sfumato.data.sampling import steps_in_epoch
from sfumato.errors import InputError
from sfumato.settings import Settings
from sfumato.training.blends import refuse_idle_mixing
from sfumato.training.duration import Duration
from sfumato.training.schedules import ScheduleSpec, learning_rate
from sfumato.training.timeline import (
    START,
    Keyframe,
    LearnChange,
    LearnTable,
    Track,
    check_order,
    learn_changes,
    track,
)

RAMP_PIXELS = 32
"""A ramp of the image size moves in steps of this many pixels, which most networks divide evenly."""


@dataclass(frozen=True)
class Clock:
    """Epochs and optimiser steps of a training."""

    starts: tuple[int, ...]
    """First step of each epoch, and one past the last step of all: E + 1 numbers."""

    @property
    def epochs(self) -> int:
        """Epochs of the whole training."""
        return len(self.starts) - 1

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole training."""
        return self.starts[-1]

    def passed(self, steps: int) -> float:
        """Epochs that so many steps make, from 0 to all."""
        return float(self.epochs) if steps >= self.steps else self.epoch_at(steps)

    def epoch_at(self, step: int) -> float:
        """Epochs that have passed before a step; the step in the middle of the first epoch gives 0.5."""
        epoch = min(bisect_right(self.starts, step), self.epochs) - 1
        return epoch + (step - self.starts[epoch]) / (self.starts[epoch + 1] - self.starts[epoch])

    def moment(self, duration: Duration, since: float) -> float:
        """Epoch at which a duration that begins at epoch `since` ends."""
        if duration.unit == "ep":
            return since + duration.amount
        if duration.unit == "%":
            return since + duration.amount * self.epochs / 100
        whole = int(since)
        before = self.starts[whole] + (since - whole) * (self.starts[whole + 1] - self.starts[whole])
        after = before + duration.amount
        return self.passed(round(after)) + max(0.0, after - self.steps)


@dataclass(frozen=True)
class Plan:
    """What happens at each step of a training."""

    clock: Clock
    samples: int
    """Training samples."""
    tracks: dict[str, Track]
    """Every numeric track by name."""
    learn: tuple[LearnChange, ...]
    """Every change of the parameters that learn; the first is at 0."""
    schedule: ScheduleSpec
    base_lr: float
    warmup: float
    """Share of training that is warm-up."""
    keyframes: tuple[float, ...]
    """Epochs of the recipe's keyframes."""

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole training."""
        return self.clock.steps

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
            batch_size=self.batch_size(epoch),
            image_size=_pixels(value["image_size"], self.tracks["image_size"]),
            augment=value["augment"],
            sampler_power=self.tracks["sampler_power"].at(epoch),
            label_smoothing=value["label_smoothing"],
            mixup_alpha=value["mixup_alpha"],
            cutmix_alpha=value["cutmix_alpha"],
            mix_probability=value["mix_probability"],
            cutmix_share=value["cutmix_share"],
            ema_decay=value["ema_decay"],
        )

    def images_at(self, step: int) -> int:
        """Images an optimiser step sees over all processes: a batch, or all samples where there are fewer."""
        return min(self.at(step).batch_size, self.samples)

    def lr_at(self, epoch: float) -> float:
        """Learning rate at a moment, in epochs from the start."""
        scale = self.tracks["lr_scale"].at(epoch)
        return learning_rate(self.schedule, self.base_lr, scale, epoch / self.clock.epochs, self.warmup)

    def learn_at(self, epoch: float) -> LearnTable:
        """What learns at a moment, in epochs from the start."""
        return [change.table for change in self.learn if change.begin <= epoch][-1]

    def batch_size(self, epoch: int) -> int:
        """Images a step sees in an epoch."""
        return int(self.tracks["batch_size"].at(epoch))

    def moments(self) -> list[float]:
        """Epochs at which something begins or ends to change: the rows of the printed plan."""
        changes = {0.0, *(change.begin for change in self.learn)}
        for a_track in self.tracks.values():
            changes |= {at for segment in a_track.segments for at in (segment.start, segment.end)}
        if self.warmup:
            changes.add(self.warmup * self.clock.epochs)
        return sorted(at for at in changes if at < self.clock.epochs)


def make_plan(
    keyframes: Sequence[Keyframe],
    schedule: ScheduleSpec,
    *,
    base_lr: float,
    epochs: int,
    samples: int,
    image_size: int,
) -> Plan:
    """Resolve a timeline.

    Args:
        keyframes: The recipe's timeline, in order.
        schedule: Warm-up and decay.
        base_lr: Learning rate after warm-up.
        epochs: Length of training.
        samples: Training samples, which with the batch size give the steps of an epoch.
        image_size: Pixels before any keyframe says otherwise.

    Raises:
        InputError: A contradiction in the timeline, with the recipe path of its place.
    """
    _refuse_steps_for_batch_size(keyframes)
    by_epochs = Clock(tuple(range(epochs + 1)))  # batch sizes change at epochs, so they need no steps yet
    batch_size = track("batch_size", START["batch_size"], keyframes, by_epochs.moment, epochs, epochs - 1)
    steps = [steps_in_epoch(samples, int(batch_size.at(epoch))) for epoch in range(epochs)]
    clock = Clock((0, *accumulate(steps)))
    last = clock.epoch_at(clock.steps - 1)
    check_order(keyframes, clock.moment, epochs, last)
    start = {**START, "image_size": image_size}
    tracks = {name: track(name, value, keyframes, clock.moment, epochs, last) for name, value in start.items()}
    refuse_idle_mixing(tracks, epochs)
    warmup = clock.moment(schedule.warmup, 0.0) / epochs
    if warmup > 1:
        raise InputError(
            f"{schedule.warmup} is longer than the {epochs} epochs of training", setting="train.schedule.warmup"
        )
    return Plan(
        clock,
        samples,
        tracks,
        learn_changes(keyframes, clock.moment),
        schedule,
        base_lr,
        warmup,
        tuple(clock.moment(keyframe.at, 0.0) for keyframe in keyframes),
    )


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
