"""Mixup and CutMix over the whole training: a track of theirs that is set and never matters is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from sfumato.data.mixing import LEAST_ALPHA
from sfumato.errors import InputError
from sfumato.training.timeline import Track


@dataclass(frozen=True)
class _State:
    at: float
    mixup: bool
    cutmix: bool
    probability: float
    share: float


def refuse_idle_mixing(tracks: Mapping[str, Track], epochs: int) -> None:
    """Refuse a change of mixing after which the track decides over no batch.

    Raises:
        InputError: With the recipe path of the track's first keyframe.
    """
    states = _states(tracks, epochs)
    mixups = [state for state in states if state.mixup]
    cutmixes = [state for state in states if state.cutmix]
    both = [state for state in mixups if state.cutmix and state.probability > 0]
    _refuse(tracks, "mix_probability", [*mixups, *cutmixes], "nothing is mixed after it")
    _refuse(tracks, "cutmix_share", both, "mixup and CutMix are never both on after it")
    if mixups:
        used = [state for state in mixups if not (state.cutmix and state.share == 1) and state.probability > 0]
        _refuse(tracks, "mixup_alpha", used, "mix_probability and cutmix_share leave it no batch")
    if cutmixes:
        used = [state for state in cutmixes if not (state.mixup and state.share == 0) and state.probability > 0]
        _refuse(tracks, "cutmix_alpha", used, "mix_probability and cutmix_share leave it no batch")


def _refuse(tracks: Mapping[str, Track], name: str, matters: list[_State], why: str) -> None:
    segments = tracks[name].segments
    if segments and not any(state.at >= segments[0].start for state in matters):
        raise InputError(f"has no effect: {why}", setting=f"timeline[{segments[0].keyframe}].{name}")


def _states(tracks: Mapping[str, Track], epochs: int) -> list[_State]:
    """Every moment at which a track of mixing changes, and the middle between any two: on a ramp only that tells."""
    names = ("mixup_alpha", "cutmix_alpha", "mix_probability", "cutmix_share")
    ends = {at for name in names for segment in tracks[name].segments for at in (segment.start, segment.end)}
    changes = sorted({0.0, *ends, float(epochs)})
    moments = [*changes[:-1], *((before + after) / 2 for before, after in pairwise(changes))]
    return [_state(tracks, at) for at in moments]


def _state(tracks: Mapping[str, Track], at: float) -> _State:
    return _State(
        at,
        tracks["mixup_alpha"].at(at) >= LEAST_ALPHA,
        tracks["cutmix_alpha"].at(at) >= LEAST_ALPHA,
        tracks["mix_probability"].at(at),
        tracks["cutmix_share"].at(at),
    )
