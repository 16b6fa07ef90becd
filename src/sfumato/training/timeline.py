"""The timeline: tracks with keyframes and ramps. A track holds its value until its next keyframe, or ramps to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from sfumato.errors import InputError
from sfumato.training.keyframe import BETWEEN_EPOCHS, Keyframe, Ramp, Shape
from sfumato.training.schedules import Moment
from sfumato.training.settings import FROZEN

Choice = TypeVar("Choice")
LearnTable = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Segment:
    """One change of a track: from `start` to `end`, in epochs, its value goes to `to`; a jump where both are equal."""

    start: float
    end: float
    to: float
    shape: Shape
    keyframe: int
    """Index of the keyframe it comes from."""


@dataclass(frozen=True)
class Track:
    """A number over the whole training."""

    start: float
    """Value before the first change."""
    segments: tuple[Segment, ...] = ()
    """In order of time; none begins before the former has ended."""

    def at(self, epoch: float) -> float:
        """Value at a moment, in epochs from the start."""
        value = self.start
        for segment in self.segments:
            if epoch < segment.start:
                break
            if epoch >= segment.end:
                value = segment.to
                continue
            done = (epoch - segment.start) / (segment.end - segment.start)
            share = done if segment.shape == "linear" else (1 - math.cos(math.pi * done)) / 2
            return value + (segment.to - value) * share
        return value

    @property
    def values(self) -> tuple[float, ...]:
        """Every value it holds, in order."""
        return (self.start, *(segment.to for segment in self.segments))

    @property
    def steady(self) -> float | None:
        """The value it has throughout; None where it changes."""
        at_once = bool(self.segments) and self.segments[0].end == 0
        held = set(self.values[1:] if at_once else self.values)
        return held.pop() if len(held) == 1 else None

    def steady_within(self, begin: float, end: float) -> float | None:
        """The value it has from one moment up to another, both in epochs; None where it changes in between."""
        first = self.at(begin)
        within = [segment for segment in self.segments if segment.end > begin and segment.start < end]
        return first if all(segment.to == first for segment in within) else None


def track(name: str, start: float, keyframes: Sequence[Keyframe], moment: Moment, epochs: int, last: float) -> Track:
    """Resolve one numeric track.

    Args:
        name: A field of Keyframe.
        start: Value before the first keyframe.
        keyframes: The recipe's timeline.
        moment: Turns durations into epochs.
        epochs: Length of training.
        last: Epoch at which its last step begins.

    Raises:
        InputError: A change that no step sees, within a running ramp, or within an epoch for a track that can't.
    """
    segments: list[Segment] = []
    for index, keyframe in enumerate(keyframes):
        value = cast(float | Ramp[float] | None, getattr(keyframe, name))
        if value is None:
            continue
        begin = moment(keyframe.at, 0.0)
        ramp = value if isinstance(value, Ramp) else None
        end = moment(ramp.over, begin) if ramp else begin
        setting = f"timeline[{index}].{name}"
        _refuse_overrun(setting, begin, end, epochs)
        if ramp and begin >= (epochs - 1 if name in BETWEEN_EPOCHS else last):
            raise InputError(f"no step comes after the ramp's begin at epoch {begin:g}", setting=setting)
        if segments and begin < segments[-1].end:
            raise InputError(f"the ramp that began at epoch {segments[-1].start:g} is still running", setting=setting)
        if name in BETWEEN_EPOCHS and not ramp and not begin.is_integer():
            raise InputError(
                f"changes between epochs only, and {keyframe.at} is epoch {begin:g}",
                setting=setting,
                mend=f"move the keyframe to {math.floor(begin)}ep or {math.ceil(begin)}ep",
            )
        to, shape = (ramp.to, ramp.shape) if ramp else (cast(float, value), "linear")
        segments.append(Segment(begin, end, to, shape, index))
    return Track(start, tuple(segments))


@dataclass(frozen=True)
class Change(Generic[Choice]):
    """A moment from which on something that is no number is another."""

    begin: float
    """Epochs from the start."""
    value: Choice
    setting: str
    """Recipe path it comes from."""


Changes = tuple[Change[Choice], ...]
"""In order of time; the first is at 0."""


def changes(
    name: str, start: Choice, keyframes: Sequence[Keyframe], moment: Moment, path: str = "timeline"
) -> Changes[Choice]:
    """Every value of one track that is no number.

    Args:
        name: A field of Keyframe; `off` there is None here.
        start: Value before the first keyframe.
        keyframes: The recipe's timeline.
        moment: Turns durations into epochs.
        path: Recipe path of the start's value.
    """
    found = [Change(0.0, start, path)]
    for index, keyframe in enumerate(keyframes):
        value = getattr(keyframe, name)
        if value is not None:
            begin = moment(keyframe.at, 0.0)
            found = [change for change in found if change.begin < begin]
            new = cast(Choice, None if value == "off" else value)
            found.append(Change(begin, new, f"timeline[{index}].{name}"))
    return tuple(found)


def value_at(found: Changes[Choice], epoch: float) -> Change[Choice]:
    """The change that holds at a moment, in epochs from the start."""
    return [change for change in found if change.begin <= epoch][-1]


def learn_changes(keyframes: Sequence[Keyframe], moment: Moment) -> Changes[LearnTable]:
    """Every change of the parameters that learn; before any, all of them do."""
    found = changes("learn", cast("dict[str, float | str]", {"*": 1.0}), keyframes, moment)
    return tuple(Change(change.begin, _table(change.value), change.setting) for change in found)


def _table(learn: dict[str, float | str]) -> LearnTable:
    return tuple((name, FROZEN if isinstance(scale, str) else float(scale)) for name, scale in learn.items())


def check_order(keyframes: Sequence[Keyframe], moment: Moment, epochs: int, last: float) -> None:
    """Refuse keyframes out of order, past the end or the begin of the last step, or without a track."""
    former = -1.0
    for index, keyframe in enumerate(keyframes):
        begin = moment(keyframe.at, 0.0)
        if begin >= epochs:
            raise InputError(
                f"{keyframe.at} is past the end of training, which lasts {epochs} epochs",
                setting=f"timeline[{index}].at",
            )
        if begin > last:
            raise InputError(
                f"has no effect: {keyframe.at} is epoch {begin:g}, and the last step begins at epoch {last:g}",
                setting=f"timeline[{index}].at",
            )
        if begin <= former:
            raise InputError(
                f"{keyframe.at} is not after the keyframe before it, at epoch {former:g}",
                setting=f"timeline[{index}].at",
                expected="keyframes in order of time, one a moment",
            )
        if not keyframe.tracks:
            raise InputError("sets no track, so it has no effect", setting=f"timeline[{index}]")
        former = begin


def _refuse_overrun(setting: str, begin: float, end: float, epochs: int) -> None:
    if end > epochs:
        raise InputError(
            f"the ramp from epoch {begin:g} ends at epoch {end:g}, past the end of training at {epochs}",
            setting=setting,
        )
    if end == begin and begin >= epochs:
        raise InputError(f"epoch {begin:g} is past the end of training at {epochs}", setting=setting)
