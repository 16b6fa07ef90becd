"""What the loop is given: how to train, and everything it trains on."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.data.augment import AugmentSpec
from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.progress import Progress, unseen
from sfumato.data.sampling import SamplerMix
from sfumato.data.table import Table
from sfumato.metrics.label_scores import AnyScoreName
from sfumato.models.network import Network
from sfumato.spec import Spec
from sfumato.training.checkpoint import CheckpointSpec
from sfumato.training.contradictions import Accepted
from sfumato.training.device import DeviceChoice
from sfumato.training.distillation import DistillSpec, Teaching
from sfumato.training.draws import Draws
from sfumato.training.feedback import StopSpec
from sfumato.training.interpolation import InterpolateSpec
from sfumato.training.machine import Layout, Machine, Precision
from sfumato.training.optimizer import AdamWSpec, OptimizerSpec
from sfumato.training.plan import Plan
from sfumato.training.schedules import CosineSpec, ScheduleSpec
from sfumato.training.soup import SoupSpec
from sfumato.training.task_weights import TaskWeightsSpec
from sfumato.training.tracker_spec import TrackerSpec


class TrainSpec(Spec):
    """How long, how fast, on what and how often saved."""

    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """Times the training part is gone through."""
    init_from: Annotated[str, Field(min_length=1)] | None = None
    """A finished run, or its bundle, whose weights this one begins with instead of pretrained ones, the head's too;
    `{fold}` in the path stands for the number of the fold that is trained, as in `runs/stage1/fold-{fold}`."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Of everything drawn while training; equal seeds give equal weights."""
    optimizer: OptimizerSpec = AdamWSpec()
    """What moves the weights."""
    schedule: ScheduleSpec = CosineSpec()
    """How the learning rate rises and falls."""
    clip_norm: Annotated[float, Field(gt=0)] | None = 1.0
    """Greatest norm of the gradient of a step; none = no limit."""
    gradient_checkpointing: bool = False
    """Compute activations anew in the backward pass, to save memory for about a third more time; batch norms then
    follow their statistics twice a step."""
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Pieces a batch is computed in, to save memory; the step still sees the whole batch."""
    sampler: SamplerMix = "power"
    """How the timeline's `sampler_power` a between 0 and 1 draws: `power` by 1 / n^a, `distribution` by a share a of
    balanced and 1 - a of natural draws; `class_share` adds class shares to ones, a compatibility setting."""
    sampler_task: Annotated[str, Field(min_length=1)] | None = None
    """Label column whose classes `sampler_power` balances, where there are several; none = the first."""
    task_weights: TaskWeightsSpec | None = None
    """How much the loss of each of several label columns counts: `{disease: 1, severity: 0.5}`, 1 where not named; or
    `uncertainty`, learnt beside the network; none = all the same."""
    distill: DistillSpec | None = None
    """A bundle that teaches; none = the labels alone do."""
    stop: StopSpec | None = None
    """When to end early; none = never."""
    accept: tuple[Accepted, ...] = ()
    """Contradictions that are meant, each by its name."""
    select: AnyScoreName = "macro_f1"
    """Validation score that decides which epoch's weights are kept; of several label columns, the mean. Where an image
    may have several classes `map` unless another is named, for their thresholds are found only afterwards."""
    soup: SoupSpec | None = None
    """A greedy soup of the best epochs, made after the last step; none = none is made."""
    interpolate: InterpolateSpec | None = None
    """Weights between the pretrained and the best ones, tried after the last step (WiSE-FT); none = none are tried."""
    device: DeviceChoice = "auto"
    """Where to compute; `auto` = CUDA, else MPS, else CPU."""
    precision: Literal["auto"] | Precision = "auto"
    """Of the network's arithmetic; weights are always fp32. `auto` measures or asks the device."""
    tf32: Literal["auto"] | bool = "auto"
    """Whether fp32 products of a CUDA device keep 10 bits of each factor; `auto` = where it can. Elsewhere refused."""
    compile: Literal["auto"] | bool = "auto"
    """Whether torch compiles the network; `auto` = on a CUDA device, where training is long enough to pay for it."""
    layout: Literal["auto"] | Layout = "auto"
    """How images and the weights of convolutions lie in memory; `auto` = `channels_last`, and on MPS `contiguous`."""
    fused: Literal["auto"] | bool = "auto"
    """Whether an optimiser's step is one pass over all weights; `auto` = where there is such a kernel."""
    workers: Literal["auto"] | Annotated[int, Field(ge=0)] = "auto"
    """Processes that decode images; 0 = none beside this one. Their number changes no result."""
    decode: Literal["full", "scaled"] = "full"
    """`scaled` decodes large JPEGs that train at 1/2, 1/4 or 1/8 of their size, where each side still has twice the
    pixels that are looked at: faster, and about a grey level off. Validation and prediction decode in full."""
    cache_side: Annotated[int, Field(ge=32, le=2048)] | None = None
    """Pixels of the shorter side of pictures that are kept decoded in the user's cache folder, where training reads
    them in all its runs: several times as fast, but small crops are less sharp. Validation and prediction see whole
    pictures. None = none are kept there."""
    keep_features: Literal["disk", "memory"] = "disk"
    """Where features that recur are kept while nothing below the head learns: `disk` for later runs, folds and sweeps
    too, in the user's cache folder; `memory` for this run alone."""
    keep_decoded: Annotated[float, Field(ge=0)] = 1.0
    """Gigabytes of memory for decoded images, each then decoded once and not once an epoch; 0 = none are kept."""
    trackers: tuple[TrackerSpec, ...] = ()
    """Services that a run is shown in beside its own files, as in `[{kind: wandb}, {kind: mlflow}]`: figures of every
    epoch, timeline, confusion and report. One that fails is told no more, and the training goes on."""
    checkpoint: CheckpointSpec = CheckpointSpec()
    """How often training is saved."""


@dataclass(frozen=True)
class Job:
    """All that training needs."""

    model: Network
    plan: Plan
    spec: TrainSpec
    augment: AugmentSpec
    preprocess: Preprocess
    """Of validation and the bundle; training images take their size from the plan."""
    train: Table
    val: Table
    """May be empty: then nothing is chosen, and the last weights are the result."""
    machine: Machine
    workers: int
    pictures: Pictures
    """Decoded before, as far as they were kept."""
    folder: Path
    """Where checkpoints go: `last`, `previous`, `best`."""
    show: Progress = unseen
    """What shows the progress of work before the first step."""
    teaching: Teaching | None = None
    """What the teacher says of the training samples, where there is one."""
    prefetch: int = 2
    """Batches that each of the workers reads ahead."""

    @property
    def draws(self) -> Draws:
        """Which samples each step sees."""
        return Draws(self.spec.seed, self.spec.sampler, self.augment.views)

    @cached_property
    def drawn_by(self) -> NDArray[np.int64]:
        """(N,) class indices of the training samples in the task that the sampler balances; below 0 = unknown."""
        return self.train.drawn_by(self.spec.sampler_task)
