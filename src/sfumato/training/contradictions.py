"""Settings that fight each other at some moment of the timeline: refused with the reason, unless they are meant."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from sfumato.errors import InputError
from sfumato.losses.prototype_contrast import PrototypeContrastSpec
from sfumato.losses.tail_focal import TailFocalSpec
from sfumato.models.heads import CosineHeadSpec, Head, LinearHeadSpec
from sfumato.training.plan import Plan
from sfumato.training.priors import corrections
from sfumato.training.schedules import ConstantSpec, CosineSpec, LinearSpec
from sfumato.training.settings import Settings

Accepted = Literal["stacked_priors", "mixed_tail", "two_schedules"]
"""Contradictions that a recipe can ask for: several prior corrections at once, mixing under a tail-focal loss, and a
schedule that would still fall when averaging begins."""


@dataclass(frozen=True)
class _Found:
    name: Accepted | None
    """None = can't be meant."""
    track: str
    what: str
    mend: str


def refuse_contradictions(plan: Plan, accept: Sequence[Accepted] = (), *, later: str | None = None) -> None:
    """Refuse what fights at any moment of a plan.

    Args:
        plan: Of a training.
        accept: Names of those that are meant.
        later: Setting by which decisions correct the prior once more; None = they do not.

    Raises:
        InputError: With the recipe path of the keyframe that begins it; or a name in `accept` of what never happens.
    """
    met: set[str] = set()
    for settings in _phases(plan):
        for found in _fights(settings, plan, later):
            if found.name in accept:
                met.add(str(found.name))
                continue
            also = f", or accept it: train.accept: [{found.name}]" if found.name else ""
            epoch = plan.clock.epoch_at(settings.step)
            place = _place(plan, found.track, epoch)
            raise InputError(f"{found.what} (from epoch {epoch:.6g})", setting=place, mend=found.mend + also)
    for name in accept:
        if name not in met:
            raise InputError(f"{name} has no effect: the timeline never does that", setting="train.accept")
    _refuse_heads(plan)


def _phases(plan: Plan) -> Iterator[Settings]:
    """Settings at every moment something changes, and in the middle between any two: on a ramp only that tells."""
    moments = [*plan.moments(), float(plan.clock.epochs)]
    middles = [(before + after) / 2 for before, after in pairwise(moments)]
    steps = {min(plan.steps - 1, plan.clock.first_step(moment)) for moment in (*moments, *middles)}
    return (plan.at(step) for step in sorted(steps))


def _fights(settings: Settings, plan: Plan, later: str | None) -> Iterator[_Found]:
    prior = (*([later] if later else []), *corrections(settings))
    if len(prior) > 1:
        both = " and ".join(prior)
        yield _Found("stacked_priors", prior[-1], f"{both} correct the class prior together", "keep one of them")
    if isinstance(settings.loss, TailFocalSpec) and settings.mixing.on:
        what = "a mixed picture is of two classes, and tail_focal asks for one"
        yield _Found("mixed_tail", "loss", what, "turn mixup_alpha and cutmix_alpha to 0 before")
    if settings.centre_loss is not None and settings.mixing.on:
        what = "a mixed picture is of two classes, and centre_loss draws it to one centre"
        yield _Found(None, "centre_loss", what, "turn mixup_alpha and cutmix_alpha to 0 before")
    if isinstance(settings.loss, PrototypeContrastSpec) and settings.label_smoothing:
        what = "smoothed, a picture is a little of every class, and prototype_contrast parts its own from the rest"
        yield _Found(None, "label_smoothing", what, "turn it to 0")
    if settings.averaging and plan.averaging is not None:
        yield from _two_schedules(plan)


def _two_schedules(plan: Plan) -> Iterator[_Found]:
    """Averaging has a learning rate of its own: no other may move it from there on."""
    averaging = plan.averaging
    assert averaging is not None
    spec, begin = plan.schedule.spec, float(averaging.begin)
    ended = isinstance(spec, CosineSpec | LinearSpec) and plan.schedule.until <= begin
    if not (ended or isinstance(spec, ConstantSpec)):
        what = f"the {spec.kind} schedule goes on beside swa's own learning rate"
        mend = f"end it: train.schedule: {{kind: cosine, until: {begin:g}ep}}"
        yield _Found("two_schedules", "swa", what, mend)
    last = begin if averaging.anneal else math.nextafter(begin, 0)  # where there is none, not even its start counts
    late = [segment for segment in plan.tracks["lr_scale"].segments if segment.end > last]
    if late:
        what = "has no effect: swa has a learning rate of its own"
        raise InputError(what, setting=f"timeline[{late[0].keyframe}].lr_scale")


def _place(plan: Plan, track: str, epoch: float) -> str:
    """Recipe path of what set a track last before a moment."""
    if track == "swa" and plan.averaging is not None:
        return plan.averaging.setting
    if track in plan.choices:
        return [change.setting for change in plan.choices[track] if change.begin <= epoch][-1]
    segments = [segment for segment in plan.tracks[track].segments if segment.start <= epoch]
    return f"timeline[{segments[-1].keyframe}].{track}" if segments else "timeline"


def _refuse_heads(plan: Plan) -> None:
    """Refuse a head that can't begin as it says, or that takes its own place."""
    first = plan.heads[0]
    if _start(first.value) == "old_rows":
        raise InputError("no head stands there before it", setting=f"{first.setting}.start", expected="class_means")
    for before, after in pairwise(plan.heads):
        if before.value == after.value:
            raise InputError("has no effect: this head stands there already", setting=after.setting)
        if _start(after.value) == "old_rows" and not isinstance(before.value, LinearHeadSpec):
            raise InputError(
                f"a {before.value.kind} head has no rows to begin from",
                setting=f"{after.setting}.start",
                expected="class_means",
            )


def _start(head: Head) -> str:
    return head.start if isinstance(head, CosineHeadSpec) else "random"
