"""How many processes read pictures, and how far ahead: by device, cores, and some pictures and steps that are timed."""

import math
import os
from dataclasses import dataclass

import torch

from sfumato.training.dry_batch import DryRun
from sfumato.training.frozen_phases import Stretch, kept_phases
from sfumato.training.job import Job
from sfumato.training.reading_time import measure_reading
from sfumato.training.stages import stages

WORTH = 300
"""Steps from which on a few seconds of measuring are little."""
MOST_PARAMETERS = 200_000_000
"""Of networks that are measured: a step is taken on a copy."""
SECONDS = 2.0
"""That the timed steps may take, about."""
IDLE = 0.1
"""Share of a step that reading may take of this process before a worker takes it over."""
IDLE_ON_FEW = 0.5
"""The same on fewer than four cores: a worker stalls a network whose threads wait for each other."""


@dataclass(frozen=True)
class LoaderChoice:
    """What was chosen, and why."""

    workers: int
    """Processes that read pictures; 0 = the one that trains."""
    prefetch: int
    """Batches that each reads ahead."""
    reason: str


def choose_loader(job: Job) -> LoaderChoice:
    """What feeds a training best; none of it changes a result.

    Args:
        job: As it will train, but for its workers. It is left as it is.
    """
    asked, device = job.spec.workers, job.machine.device.type
    prefetch = 4 if device == "cuda" else 2
    if asked != "auto":
        return LoaderChoice(int(asked), prefetch, "asked for in train.workers")
    here = cores()
    why = _unmeasured(job)
    if why is not None:
        return LoaderChoice(_by_cores(here, device), prefetch, f"{here} core{'s' * (here > 1)}, and {why}")
    reading, step = _measured(job)
    share = reading / step
    said = f"reading a batch takes {share:.2f} times as long as a step, on {here} core{'s' * (here > 1)}"
    return LoaderChoice(_by_share(share, here, device), prefetch, said)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _unmeasured(job: Job) -> str | None:
    """Why nothing is measured; None = it is."""
    steps = job.plan.steps
    if job.machine.processes > 1:
        return "each of several processes might measure otherwise"
    if kept_phases(job) == (Stretch(0, steps, kept=True),):
        return "features are computed once"
    if steps < WORTH:
        return f"{steps} steps are too few to measure first"
    large = sum(parameter.numel() for parameter in job.model.parameters()) > MOST_PARAMETERS
    return "the network is too large to measure a copy" if large else None


def _measured(job: Job) -> tuple[float, float]:
    """Seconds that reading a batch and computing its step take."""
    last = stages(job.plan)[-1]
    look = (last.settings.image_size, last.settings.augment)
    with torch.random.fork_rng():
        time = measure_reading(job, {look})
        step = DryRun(job).stage(last, SECONDS).step.seconds
    kept = min(1.0, len(job.pictures) / max(1, len(job.train) + len(job.val)))
    return (time.seconds(look, kept) if time else 0.0) * last.images, max(step, 1e-9)


def _by_cores(here: int, device: str) -> int:
    """Where nothing is known: most cores of a processor are needed by the network."""
    return min(4, here // 4) if device == "cpu" else min(8, here)


def _by_share(share: float, here: int, device: str) -> int:
    """As many as keep up with the network, and on a processor no more than half of the cores."""
    if device != "cpu":
        return min(here, math.ceil(share) + 1)
    idle = IDLE if here >= 4 else IDLE_ON_FEW
    return 0 if share < idle else max(1, min(here // 2, math.ceil(share)))
