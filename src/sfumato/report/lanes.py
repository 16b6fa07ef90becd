"""The timeline as lanes on an epoch axis, before any of it is drawn: the learning rate and every numeric track."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sfumato.report.clips import is_chosen
from sfumato.report.wording import CHOICE_NAMES, TRACK_NAMES, value_text
from sfumato.training.plan import Plan
from sfumato.training.timeline import Segment, Track

Points = tuple[tuple[float, float], ...]
"""(epoch, value) along a line, in order of time; two points of one epoch are a jump."""

_RAMP_POINTS = 25
_RATE_POINTS = 600
_JUST_BEFORE = 1e-9


@dataclass(frozen=True)
class Piece:
    """A stretch of a track: a value that is held, or a ramp."""

    start: float
    """Epoch."""
    end: float
    """Epoch."""
    points: Points
    text: str
    """The value, or both ends of the ramp."""

    @property
    def rises(self) -> bool:
        """Whether it is a ramp upwards."""
        return self.points[-1][1] > self.points[0][1]


@dataclass(frozen=True)
class TrackLane:
    """One numeric track over the whole training."""

    track: str
    """Its name in a recipe."""
    name: str
    pieces: tuple[Piece, ...]
    top: float
    """Greatest value."""

    @property
    def constant(self) -> bool:
        """Whether it never changes."""
        return len(self.pieces) == 1


@dataclass(frozen=True)
class RateLane:
    """The learning rate over the whole training."""

    points: Points
    peak: tuple[float, float]
    """(epoch, learning rate) where it is greatest."""
    last: float
    """Learning rate of the last step."""
    warmup: float
    """Epoch at which warm-up ends; 0 = there is none."""
    scales: tuple[Piece, ...]
    """The track `lr_scale`; a single piece where the timeline leaves the schedule as it is."""


def rate_lane(plan: Plan) -> RateLane:
    """The learning rate, with every jump and bend of the plan among its points."""
    epochs = plan.clock.epochs
    bends = [at - _JUST_BEFORE for at in plan.moments() if at > 0]
    times = np.unique(np.concatenate([np.linspace(0, epochs, _RATE_POINTS), plan.moments(), bends]))
    points = tuple((float(at), plan.lr_at(float(at))) for at in times)
    peak = max(points, key=lambda point: point[1])
    last = plan.at(plan.steps - 1).lr
    return RateLane(points, peak, last, plan.warmup, _pieces(plan, "lr_scale"))


def track_lanes(plan: Plan) -> tuple[TrackLane, ...]:
    """Lanes of the tracks that have an effect, in the order of `TRACK_NAMES`; `lr_scale` is part of the rate."""
    shown = [name for name in TRACK_NAMES if name != "lr_scale" and has_effect(plan, name)]
    return tuple(_lane(plan, name) for name in shown)


def off_tracks(plan: Plan) -> tuple[str, ...]:
    """Names of the tracks that could do something and never do: at 0, or off, for the whole training."""
    silent = ("lr_scale", "mix_probability", "cutmix_share", "teacher_forcing", "head", "loss")
    off = [track for track in TRACK_NAMES if not has_effect(plan, track)]
    off += [track for track in CHOICE_NAMES if not is_chosen(plan, track)]
    return tuple({**TRACK_NAMES, **CHOICE_NAMES}[track] for track in off if track not in silent)


def has_effect(plan: Plan, name: str) -> bool:
    """Whether a track differs from 0 at some time; those that steer mixing must be set and have something to steer."""
    lane = plan.tracks[name]
    mixup, cutmix = (any(plan.tracks[alpha].values) for alpha in ("mixup_alpha", "cutmix_alpha"))
    if name == "mix_probability":
        return (mixup or cutmix) and set(lane.values) != {1.0}
    if name == "cutmix_share":
        return mixup and cutmix and bool(lane.segments)
    if name == "teacher_forcing":
        return bool(lane.segments)
    if name == "lr_scale":
        return set(lane.values) != {1.0}
    return any(_held_values(plan, name))


def value_at(plan: Plan, name: str, epoch: float) -> float:
    """What a track is at a moment, as training rounds it: pixels in whole steps, the sampler by whole epochs."""
    if name == "image_size":
        return float(plan.at(step_at(plan, epoch)).image_size)
    if name == "sampler_power":
        return plan.tracks[name].at(int(epoch))
    return plan.tracks[name].at(epoch)


def step_at(plan: Plan, epoch: float) -> int:
    """The first step at or after a moment."""
    return min(plan.clock.first_step(epoch), plan.steps - 1)


def _lane(plan: Plan, name: str) -> TrackLane:
    return TrackLane(name, TRACK_NAMES[name], _pieces(plan, name), max(_held_values(plan, name)))


def _held_values(plan: Plan, name: str) -> list[float]:
    """Values a track has for more than a moment."""
    return [value for piece in _pieces(plan, name) for _, value in piece.points]


def _pieces(plan: Plan, name: str) -> tuple[Piece, ...]:
    """Holds and ramps in turn; neighbouring holds of one value are one."""
    track, epochs = plan.tracks[name], float(plan.clock.epochs)
    pieces: list[Piece] = []
    since, value = 0.0, track.start
    for segment in (*track.segments, Segment(epochs, epochs, 0.0, "linear", -1)):
        if segment.start > since:
            pieces.append(_hold(name, since, segment.start, value))
        if segment.end > segment.start:
            pieces.append(_ramp(plan, name, segment, track, value))
        since, value = segment.end, segment.to
    return tuple(_joined(name, pieces))


def _hold(name: str, start: float, end: float, value: float) -> Piece:
    return Piece(start, end, ((start, value), (end, value)), value_text(name, value))


def _ramp(plan: Plan, name: str, segment: Segment, track: Track, value: float) -> Piece:
    times = np.linspace(segment.start, segment.end, _RAMP_POINTS)
    if name in ("image_size", "sampler_power"):
        points = _stairs(plan, name, segment)
    else:
        points = tuple((float(at), track.at(float(at))) for at in times)
    unit = " px" if name == "image_size" else ""
    return Piece(segment.start, segment.end, points, f"{value:.4g} \N{RIGHTWARDS ARROW} {segment.to:.4g}{unit}")


def _stairs(plan: Plan, name: str, segment: Segment) -> Points:
    """The values a ramp really takes, each as long as it lasts."""
    times = np.unique(
        np.concatenate([np.linspace(segment.start, segment.end, 201), np.arange(segment.start, segment.end)])
    )[:-1]
    points = [(segment.start, value_at(plan, name, segment.start))]
    for at in times.tolist():
        value = value_at(plan, name, at)
        if value != points[-1][1]:
            points += [(at, points[-1][1]), (at, value)]
    return (*points, (segment.end, points[-1][1]))


def _joined(name: str, pieces: Iterable[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1].text == piece.text and _is_flat(joined[-1]) and _is_flat(piece):
            joined[-1] = _hold(name, joined[-1].start, piece.end, piece.points[0][1])
        else:
            joined.append(piece)
    return joined


def _is_flat(piece: Piece) -> bool:
    return len({value for _, value in piece.points}) == 1
