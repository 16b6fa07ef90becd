"""What the network saw: the first pictures of the batch at the start of each phase, made again as trained on.

Order, augmentation and mixing are functions of (seed, epoch, sample) and (seed, step), so nothing has to be stored.
After a training by one process they are exactly the same. Several processes share a batch and each mixes its own share:
there order and augmentation are the same, and which pictures were mixed with each other is not.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sfumato.data.loading import Request, Samples
from sfumato.data.mixing import labelled, mix, one_hots
from sfumato.data.table import Table
from sfumato.errors import RunError
from sfumato.preparation.prepared import Prepared
from sfumato.report import thumbnails
from sfumato.report.lanes import step_at
from sfumato.report.wording import count, moment
from sfumato.short import short
from sfumato.tasks import TaskLayout
from sfumato.training.draws import Draws
from sfumato.training.parameters import learnable
from sfumato.training.settings import Settings
from sfumato.training.stream import requests

PHASES = 6
PICTURES = 8


@dataclass(frozen=True)
class SeenPicture:
    """One training image as it entered the network."""

    thumbnail: str | None
    """JPEG data URI; None where its file is missing."""
    labels: tuple[str, ...]
    """Its class, or both classes of a mixed image with their shares, 0 to 1."""
    file: str


@dataclass(frozen=True)
class Phase:
    """A stretch of training that begins with a change of what learns or what pictures look like."""

    epoch: float
    step: int
    text: str
    pictures: tuple[SeenPicture, ...]


def phases(prepared: Prepared) -> tuple[Phase, ...]:
    """At most PHASES phases with PICTURES pictures each, the first and the last among them."""
    plan = prepared.plan
    steps = dict.fromkeys(step_at(plan, at) for at in plan.moments())
    changed: dict[int, Settings] = {}
    for settings in map(plan.at, steps):
        if not changed or _look(settings) != _look(next(reversed(changed.values()))):
            changed[settings.step] = settings
    train = prepared.table.part("train")
    samples = Samples(train, prepared.preprocess, prepared.recipe.augment, prepared.recipe.train.seed)
    drawn_by = train.drawn_by(prepared.recipe.train.sampler_task)
    replay = _Replay(prepared, train, drawn_by, samples, train.first_images)
    with _as_a_worker():
        return tuple(_phase(replay, settings) for settings in _spread(list(changed.values())))


def phase_title(phase: Phase) -> str:
    """Where in training it begins: From epoch 4, step 216."""
    return f"From epoch {moment(phase.epoch)}, step {count(phase.step)}"


@dataclass(frozen=True)
class _Replay:
    """What is needed to make a batch again."""

    prepared: Prepared
    train: Table
    targets: NDArray[np.int64]
    """(N,) class indices of the training samples in the task that the sampler balances."""
    samples: Samples
    images: list[str | None]
    """Address of each training sample's picture."""


@contextmanager
def _as_a_worker() -> Generator[None]:
    """Within the context torch uses one thread, as the workers that prepared the training's pictures did."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _look(settings: Settings) -> tuple[object, ...]:
    return settings.learn, settings.head, settings.image_size, settings.augment, settings.mixing


def _spread(found: list[Settings]) -> list[Settings]:
    places = np.linspace(0, len(found) - 1, min(PHASES, len(found))).round().astype(int).tolist()
    return [found[place] for place in places]


def _phase(replay: _Replay, settings: Settings) -> Phase:
    plan, seed = replay.prepared.plan, replay.prepared.recipe.train.seed
    recipe = replay.prepared.recipe
    draws = Draws(seed, recipe.train.sampler, recipe.augment.views)
    batch = next(requests(plan, replay.targets, draws, settings.step))
    images, targets, whole = _mixed(replay, [*batch[:PICTURES], *batch[PICTURES:][-1:]], settings)
    layout = replay.train.layout
    pictures = tuple(
        SeenPicture(
            thumbnails.of_tensor(images[place]) if whole[place] else None,
            _labels(targets[place], layout),
            Path(replay.images[request.row] or "").name,
        )
        for place, request in enumerate(batch[:PICTURES])
    )
    text = _text(replay.prepared, settings, targets)
    return Phase(plan.clock.epoch_at(settings.step), settings.step, text, pictures)


def _mixed(replay: _Replay, wanted: list[Request], settings: Settings) -> tuple[Tensor, Tensor, list[bool]]:
    """The first pictures of a batch and its last, which the first is mixed with, as mixing leaves them.

    Returns:
        (B, 3, H, W) images, (B, C) targets, and which of the B are made of files that could be read.
    """
    tensors = [_image(replay.samples, request) for request in wanted]
    blank = torch.full((3, settings.image_size, settings.image_size), 128, dtype=torch.uint8)
    images = torch.stack([blank if tensor is None else tensor for tensor in tensors])
    truth = torch.from_numpy(replay.train.answers[[request.row for request in wanted]])
    layout = replay.train.layout
    classes = labelled(truth) if layout.multilabel else one_hots(truth, layout.sizes)
    mixed, targets = mix(images, classes, settings.mixing, replay.prepared.recipe.train.seed, settings.step)
    whole = [tensor is not None for tensor in tensors]
    if mixed is not images:
        whole = [mine and whole[place - 1] for place, mine in enumerate(whole)]
    return mixed, targets, whole


def _image(samples: Samples, request: Request) -> Tensor | None:
    batch = samples.__getitems__([request])
    return None if isinstance(batch, RunError) or not len(batch.images) else batch.images[0]


def _labels(target: Tensor, layout: TaskLayout) -> tuple[str, ...]:
    """The classes that make up a target, (C,) shares, of several tasks one after the other."""
    return tuple(
        f"{task}: {said}" if task else said
        for task, where in layout.slices.items()
        for said in _shares(cast(list[float], target[where].tolist()), layout.spaces[task].names, layout.multilabel)
    )


def _shares(target: list[float], names: tuple[str, ...], multilabel: bool) -> tuple[str, ...]:
    """The classes of one task; a share too small to be seen is left out, and so is an answer that is not known."""
    shares = sorted(zip(target, names, strict=True), reverse=True)
    there = [(share, name) for share, name in shares if share >= 0.005]
    if multilabel:
        return tuple(name if share > 0.99 else f"{share:.2f} {name}" for share, name in there) or ("none",)
    if len(there) == 1 and there[0][0] > 0.99:
        return (there[0][1],)
    return tuple(f"{share:.2f} {name}" for share, name in there)


def _text(prepared: Prepared, settings: Settings, targets: Tensor) -> str:
    learning, everything = learnable(prepared.model, settings.learn)
    learns = "everything learns" if learning == everything else f"{short(learning)} of {short(everything)} learn"
    augment = f"augmentation {settings.augment:g}" if settings.augment else "no augmentation"
    parts = [f"{settings.image_size} px", augment, learns]
    if settings.mixing.on:
        alphas = (("mixup", settings.mixing.mixup_alpha), ("CutMix", settings.mixing.cutmix_alpha))
        parts += [f"{name} {alpha:.3g}" for name, alpha in alphas if alpha]
        parts += [] if bool(((targets > 0) & (targets < 1)).any()) else ["this batch was not mixed"]
    return ", ".join(parts)
