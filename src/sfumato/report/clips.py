"""The tracks that are no numbers as clips on an epoch axis, as in a film editor: one clip for each choice."""

from dataclasses import dataclass

from sfumato.losses.cross_entropy import CrossEntropySpec
from sfumato.models.heads import LinearHeadSpec
from sfumato.report.choice_words import words
from sfumato.report.wording import CHOICE_NAMES
from sfumato.training.plan import Plan
from sfumato.training.timeline import Change, Changes


@dataclass(frozen=True)
class Clip:
    """A stretch of training with one choice."""

    start: float
    """Epoch."""
    end: float
    """Epoch."""
    texts: tuple[str, ...]
    """What it is, longest first."""
    off: bool
    """Whether nothing is there."""
    fade: float = 0.0
    """Epochs in which it sets in."""


@dataclass(frozen=True)
class ClipLane:
    """One track over the whole training."""

    track: str
    """Its name in a recipe."""
    name: str
    clips: tuple[Clip, ...]


def clip_lanes(plan: Plan) -> dict[str, ClipLane]:
    """Lanes by track, of those that are ever anything but plain."""
    made = {name: _clips(plan, name) for name in CHOICE_NAMES if is_chosen(plan, name)}
    return {name: ClipLane(name, CHOICE_NAMES[name], clips) for name, clips in made.items()}


def is_chosen(plan: Plan, name: str) -> bool:
    """Whether a track is ever anything but cross-entropy, a linear head, or nothing."""
    return any(change.value not in (None, CrossEntropySpec(), LinearHeadSpec()) for change in choices(plan)[name])


def choices(plan: Plan) -> dict[str, Changes[object]]:
    """Every change of the tracks in CHOICE_NAMES; averaging is one more of them."""
    swa = plan.averaging
    averages: Changes[object] = (Change(0.0, None, "timeline"),)
    if swa is not None:
        began = Change[object](float(swa.begin), swa.spec, swa.setting)
        averages = (began,) if swa.begin == 0 else (*averages, began)
    return {name: plan.choices[name] for name in CHOICE_NAMES if name != "swa"} | {"swa": averages}


def _clips(plan: Plan, name: str) -> tuple[Clip, ...]:
    found = choices(plan)[name]
    ends = [*(change.begin for change in found[1:]), float(plan.clock.epochs)]
    clips: list[Clip] = []
    for change, end in zip(found, ends, strict=True):
        texts = words(change.value)
        if clips and clips[-1].texts == texts:
            clips[-1] = Clip(clips[-1].start, end, texts, clips[-1].off, clips[-1].fade)
        else:
            clips.append(Clip(change.begin, end, texts, change.value is None, _fade(plan, name, change.begin)))
    return tuple(clips)


def _fade(plan: Plan, name: str, begin: float) -> float:
    """Epochs in which a choice sets in: a head whose rate rises, an average whose rate comes to its own."""
    if name == "swa" and plan.averaging is not None and plan.averaging.begin == begin:
        return plan.averaging.anneal
    return dict(plan.head_warmups).get(begin, 0.0) if name == "head" else 0.0
