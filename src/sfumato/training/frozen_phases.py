"""The phases of a plan in which nothing below the head learns, and each sample would give the same features again.

And those in which some of what is below the head does not, where the maps of first stages would be the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import cast

from sfumato.models.classifier import Classifier
from sfumato.models.network import below_head
from sfumato.training.job import Job
from sfumato.training.parameters import scales
from sfumato.training.plan import Plan
from sfumato.training.settings import FROZEN

MOST_BYTES = 2e9
"""Memory that features may take; where there would be more, every step computes its own."""

LEAST_AGAIN = 1000
"""Images that must otherwise go through first stages again: to try whether maps may be kept takes some fifty."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive steps that take their pictures, or features, from the same place."""

    begin: int
    end: int
    """One past the last step."""
    kept: bool
    """Whether features are computed once for all of it."""
    first_stages: bool = False
    """Whether maps of first stages may be computed once for all of it: the network must tell."""


def kept_phases(job: Job) -> tuple[Stretch, ...]:
    """The phases that would all compute the same features again: frozen, unmixed, of pictures that recur.

    Left out are those for which computing them once would be no less work, or take too much memory.
    """
    return tuple(phase for phase in _recurring(job) if feature_bytes(job, phase) <= MOST_BYTES)


def too_large(job: Job) -> str | None:
    """What is to be said where features recur and take too much memory to be kept; None = nothing."""
    most = max((feature_bytes(job, phase) for phase in _recurring(job)), default=0.0)
    if most <= MOST_BYTES:
        return None
    size = f"{most / 1e9:.1f} GB, and at most {MOST_BYTES / 1e9:g} are kept"
    return f"features of {len(job.train)} images would take {size}: every step computes its own"


def first_stage_phases(job: Job) -> tuple[Stretch, ...]:
    """The phases in which a part of a backbone learns, of unmixed pictures that recur.

    Whether what does not learn are its first stages is to be seen.
    """
    plain = isinstance(job.model, Classifier) and job.train.texts is None
    if not plain or job.machine.processes > 1 or job.spec.gradient_checkpointing or job.spec.compile is True:
        return ()
    plan, names = job.plan, [name for name, _ in job.model.named_parameters() if below_head(name)]
    found: list[Stretch] = []
    for begin, end, frozen in _partly_frozen(plan, names):
        since = next(first for first, last in frozen_epochs(plan, frozen) if first <= begin < last)
        again = (end - begin - views_of(job)) * len(job.train)
        if again >= LEAST_AGAIN and _recurs(job, begin, end, since):
            steps = plan.clock.first_step(begin), plan.clock.first_step(end)
            found.append(Stretch(*steps, kept=False, first_stages=True))
    return tuple(found)


def _partly_frozen(plan: Plan, names: list[str]) -> Iterator[tuple[float, float, list[str]]]:
    """Begin and end, in epochs, of each table by which some of these parameters learn, and those that do not."""
    ends = [*(change.begin for change in plan.learn[1:]), float(plan.clock.epochs)]
    for change, end in zip(plan.learn, ends, strict=True):
        by_name = scales(names, change.value, change.setting, now=False)
        frozen = [name for name in names if by_name[name] == FROZEN]
        if 0 < len(frozen) < len(names):
            yield change.begin, end, frozen


def stretches(phases: tuple[Stretch, ...], start: int, steps: int) -> list[Stretch]:
    """All steps from `start` up to `steps`, in order, those between the phases too."""
    bounds = sorted({start, steps, *(at for one in phases for at in (one.begin, one.end) if start < at < steps)})
    around = [
        (begin, end, [one for one in phases if one.begin <= begin and end <= one.end])
        for begin, end in pairwise(bounds)
    ]
    return [
        Stretch(begin, end, any(one.kept for one in some), any(one.first_stages for one in some))
        for begin, end, some in around
    ]


def frozen_epochs(plan: Plan, names: list[str]) -> list[tuple[float, float]]:
    """The longest stretches of epochs, begin and end, in which none of these parameters learns."""
    ends = [*(change.begin for change in plan.learn[1:]), float(plan.clock.epochs)]
    found: list[tuple[float, float]] = []
    for change, end in zip(plan.learn, ends, strict=True):
        if any(scale != FROZEN for scale in scales(names, change.value, change.setting, now=False).values()):
            continue
        begin = found.pop()[0] if found and found[-1][1] == change.begin else change.begin
        found.append((begin, end))
    return found


def feature_bytes(job: Job, phase: Stretch) -> float:
    """Memory that the features of a phase would take."""
    sizes = (job.plan.at(phase.begin).image_size, job.preprocess.size)
    train, val = (4 * prod(job.model.features_shape(size)) for size in sizes)
    return train * views_of(job) * len(job.train) + val * len(job.val)


def views_of(job: Job) -> int:
    """How many differently augmented pictures are made of each."""
    return job.augment.views or 1


def _recurring(job: Job) -> list[Stretch]:
    """The same, however much memory they take."""
    if job.machine.processes > 1:
        return []
    clock = job.plan.clock
    epochs = frozen_epochs(job.plan, [name for name, _ in job.model.named_parameters() if below_head(name)])
    worth = [
        (begin, end)
        for begin, end in epochs
        if _recurs(job, begin, end, begin) and ((begin, end) == (0, clock.epochs) or end - begin > views_of(job))
    ]
    return [Stretch(clock.first_step(begin), clock.first_step(end), kept=True) for begin, end in worth]


def _recurs(job: Job, begin: float, end: float, since: float) -> bool:
    """Whether epochs show the same pictures again to what is frozen since some epoch."""
    plan = job.plan
    names = ("mixup_alpha", "cutmix_alpha", "augment", "image_size", "ema_decay")
    tracks = {name: plan.tracks[name].steady_within(begin, end) for name in names}
    if tracks["mixup_alpha"] != 0 or tracks["cutmix_alpha"] != 0 or tracks["image_size"] is None:
        return False
    averaged = tracks["ema_decay"] != 0 or (plan.averaging is not None and plan.averaging.begin < end)
    if since > 0 and averaged:  # what averages have there is not what the network has
        return False
    still = tracks["augment"] == 0 or (job.train.pictures == "none" and job.augment.texts is None)
    if still and not draws_pictures(job):
        return True
    return tracks["augment"] is not None and job.augment.views is not None


def draws_pictures(job: Job) -> bool:
    """Whether each draw of a sample shows another of its pictures, however little is augmented."""
    most = cast(int | None, job.train.rows["images"].list.len().max()) or 0
    return job.train.pictures == "random" and most > 1
