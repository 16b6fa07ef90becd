"""The story of a forecast: a prepared recipe takes a few dry batches here, and their time is scaled to its plan."""

from dataclasses import replace
from pathlib import Path

from sfumato.data.pictures import GIGABYTE
from sfumato.preparation.prepared import Prepared, job_of
from sfumato.training.averaging import norms_that_learn
from sfumato.training.batches import check_batches
from sfumato.training.device import choose_device, choose_precision, choose_workers
from sfumato.training.dry_batch import DryRun
from sfumato.training.estimate import Amounts, Estimate, Measured, estimate, looked_at
from sfumato.training.inference import BATCH
from sfumato.training.job import Job
from sfumato.training.machine import Machine
from sfumato.training.memory import kept_memory
from sfumato.training.reading_time import Look, measure_reading
from sfumato.training.stages import Stage, stages

BUDGET = 20.0
"""Seconds that all measuring may take, about."""
_FOR_STEPS = 0.8
"""Share of them for steps."""


def forecast(prepared: Prepared, budget: float = BUDGET) -> Estimate:
    """Measure what the recipe's training would take on this machine.

    Args:
        prepared: Of `preview`; its weights are random, and stay what they are.
        budget: Seconds for it, about.

    Raises:
        InputError: The recipe asks for a device that is not here, or for batches nothing can learn from.
        RunError: The device has too little memory for a stage.
    """
    job = _job(prepared)
    device, plan = job.machine.device.type, job.plan
    check_batches(job.model, plan, job.machine.processes)
    found, look = stages(plan), (job.preprocess.size, 0.0)
    with kept_memory(device):
        measured = _measure(job, found, look, budget)
    amounts = Amounts(
        pictures=len(prepared.table),
        looked_at=looked_at(plan, len(job.train), len(job.val), refreshes=bool(norms_that_learn(job.model))),
        look=look,
        keep=job.spec.keep_decoded * GIGABYTE,
        workers=job.workers,
    )
    return estimate(measured, amounts, device, str(job.spec.precision))


def _measure(job: Job, found: list[Stage], look: Look, budget: float) -> Measured:
    looks = {(stage.settings.image_size, stage.settings.augment) for stage in found}
    reading = measure_reading(job, looks | {look})
    dry = DryRun(job)
    costs = tuple(dry.stage(stage, _FOR_STEPS * budget / len(found)) for stage in found)
    images = max(1, min(BATCH, len(job.val)))
    return Measured(costs, dry.forward(look[0], images, (1 - _FOR_STEPS) * budget), images, reading)


def _job(prepared: Prepared) -> Job:
    """As a run would have it, at the precision it would choose; it has no folder, and is never trained."""
    train = prepared.recipe.train
    device = choose_device(train.device).value
    if train.precision == "auto":
        chosen = choose_precision(device, prepared.model, prepared.plan.at(prepared.plan.steps - 1)).value
        train = train.model_copy(update={"precision": chosen})
        prepared = replace(prepared, recipe=prepared.recipe.model_copy(update={"train": train}))
    workers = int(choose_workers(train.workers, device).value)
    return job_of(prepared, Machine(device, prepared.precision), workers, Path())
