"""A teacher at work: shown training pictures, it says what it makes of them."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.data.augment import augment
from sfumato.data.images import BadImageError, Pixels, in_colour
from sfumato.data.preprocess import Preprocess
from sfumato.data.randomness import generator
from sfumato.errors import RunError
from sfumato.models.network import Network
from sfumato.predict.predictor import load
from sfumato.teaching.teacher import Teacher, network_of
from sfumato.training.distillation import DistillSpec
from sfumato.training.job import Job

Ask = Callable[[Sequence[Pixels]], NDArray[np.float32]]


@dataclass(frozen=True)
class Lesson:
    """What a teacher is asked, and how its pictures are made."""

    ask: Ask
    """N pictures (H, W, 3) -> (N, width): scores of the student's classes, and beside them features if asked for."""
    show: Callable[[int, int], Pixels]
    """(view, row) -> the picture."""
    width: int

    def answers(self, view: int, rows: Sequence[int]) -> NDArray[np.float32]:
        """(N, width) of one view of N training samples.

        Raises:
            RunError: A picture can't be read any more.
        """
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            return self.ask(list(pool.map(partial(self.show, view), rows)))


def open_lesson(teacher: Teacher, columns: NDArray[np.int64], job: Job, spec: DistillSpec) -> Lesson:
    """Load a teacher on the job's device.

    Args:
        teacher: As it was found.
        columns: (C,) its column of each of the student's classes.
        job: Whose training samples it is shown.
        spec: How.
    """
    device = str(job.machine.device)
    predictor = load(teacher.folder, device)
    look = None if spec.features is None else _looking(*network_of(teacher.folder), device)

    def ask(pictures: Sequence[Pixels]) -> NDArray[np.float32]:
        logits = predictor.logits(pictures)[:, columns]
        return logits if look is None else np.concatenate([logits, look(pictures)], axis=1)

    pictures = _Pictures(job, teacher.size)
    show = pictures.whole if spec.sees == "picture" else pictures.view
    return Lesson(ask, show, len(columns) + (teacher.facts.width or 0))


def _looking(model: Network, preprocess: Preprocess, device: str) -> Ask:
    """What gives (N, D) features of length 1."""
    model = model.to(device)

    @torch.inference_mode()
    def look(pictures: Sequence[Pixels]) -> NDArray[np.float32]:
        images = torch.stack([preprocess(picture) for picture in pictures]).to(device)
        features = model.features(images.contiguous(memory_format=torch.channels_last)).float()
        return torch.nn.functional.normalize(features, dim=1).cpu().numpy()

    return look


class _Pictures:
    """The training pictures of a job, as a teacher is shown them."""

    def __init__(self, job: Job, size: int) -> None:
        self._ids, self._images = job.train.ids, [image or "" for image in job.train.first_images]
        self._job = job
        self._strength = job.plan.at(0).augment
        self._size = size

    def whole(self, _: int, row: int) -> Pixels:
        """(H, W, 3) the picture as it was decoded."""
        return in_colour(self._decoded(row, trains=False))

    def _decoded(self, row: int, *, trains: bool) -> Pixels:
        try:
            return self._job.pictures.lean(self._images[row], trains=trains)
        except BadImageError as error:
            raise RunError(f"{self._images[row]}: {error}; it could be read when the run began") from None

    def view(self, view: int, row: int) -> Pixels:
        """(size, size, 3) what the student is shown of it, by the same draws, at the size the teacher is used to."""
        job = self._job
        rng = generator(job.spec.seed, "augment", view, self._ids[row], 0)
        made = augment(
            in_colour(self._decoded(row, trains=True)), job.preprocess, self._size, job.augment, self._strength, rng
        )
        return made.permute(1, 2, 0).numpy()
