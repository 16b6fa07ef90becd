"""What a teacher says of every training picture: asked once, before training, and kept where no later run asks again.

A run keeps the answers in its own folder, so that it goes on without its teacher; the cache folder keeps them for other
runs with the same teacher and the same pictures. They may be larger than memory: N x C numbers for each view.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.console import Console
from sfumato.data.addresses import stamps_of
from sfumato.data.cache_folder import cache_folder
from sfumato.errors import InputError, RunError
from sfumato.teaching.agreement import columns_of
from sfumato.teaching.lesson import Lesson, open_lesson
from sfumato.teaching.teacher import SETTING, TeacherFacts, find_teacher
from sfumato.training.distillation import DistillSpec, Teaching
from sfumato.training.job import Job
from sfumato.training.records import Noted

VERSION = 1
"""Raised whenever a teacher is asked differently; older answers are then not looked at."""
BLOCK = 64
"""Pictures a process asks about at a time."""
Shape = tuple[int, int, int]
"""Views, samples, scores and features."""


def taught(job: Job, kept: Path, facts: TeacherFacts | None, console: Console) -> Job:
    """The same job with what its teacher says; a job without a teacher as it is.

    Args:
        job: Of a run.
        kept: File of the run's folder that keeps the answers; where it is there, no teacher is looked for.
        facts: What the run was begun with.
        console: What shows the progress.

    Raises:
        InputError: No teacher any more, or another one; a file of answers that is damaged.
        RunError: A picture that can't be read any more, or scores that are not finite.
    """
    spec = job.spec.distill
    if spec is None or facts is None:
        return job
    classes, views = job.train.layout.classes, (job.augment.views or 1) if spec.sees == "views" else 1
    shape = (views, len(job.train), classes + (facts.width or 0))
    if job.machine.agree(int(not kept.is_file())):
        _fetch(job, spec, facts, kept, shape, console)
    answers = _read(kept, shape)
    return replace(job, teaching=Teaching(answers[..., :classes], answers[..., classes:] if facts.width else None))


def _fetch(job: Job, spec: DistillSpec, facts: TeacherFacts, kept: Path, shape: Shape, console: Console) -> None:
    """Give the run's folder its file of answers: the one remembered, else a new one."""
    memory = cache_folder() / "teachers" / f"v{VERSION}-{_key(job, spec, facts)}.npy"
    if job.machine.is_main and _is_whole(memory, shape):
        _take(memory, kept)
    if not job.machine.agree(int(job.machine.is_main and kept.is_file())):
        _write(job, _lesson(job, spec, facts), shape, kept, console)
        if job.machine.is_main:
            _take(kept, memory)
    elif job.machine.is_main:
        console.note(Noted(f"{SETTING}: its answers are known from an earlier run"))
    job.machine.wait()


def _lesson(job: Job, spec: DistillSpec, facts: TeacherFacts) -> Lesson:
    teacher = find_teacher(spec)
    if teacher.facts.manifest_sha256 != facts.manifest_sha256:
        raise InputError("it has changed since the run began", setting=SETTING, mend="begin a new run")
    return open_lesson(teacher, columns_of(teacher.tasks, job.train.layout), job, spec)


def _write(job: Job, lesson: Lesson, shape: Shape, kept: Path, console: Console) -> None:
    """Ask about every view of every picture; processes share each block, and the main one writes."""
    views, samples, _ = shape
    aside = kept.with_name(f".{kept.name}-{secrets.token_hex(4)}")
    main = job.machine.is_main
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        file = _new(aside, shape) if main else None
        total = views * -(-samples // (BLOCK * job.machine.processes))
        for view, rows, said in console.progress(_blocks(job, lesson, views), total, "asking the teacher"):
            if file is not None:
                file[view, rows] = said
        if file is not None:
            file.flush()
            aside.rename(kept)
    except OSError as error:
        raise RunError(f"{kept}: could not be written: {error.strerror or error}") from error
    finally:
        aside.unlink(missing_ok=True)


def _blocks(job: Job, lesson: Lesson, views: int) -> Iterator[tuple[int, slice, NDArray[np.float32]]]:
    """(view, rows, (rows, width) answers) of one block after the other, the same in every process."""
    machine, long = job.machine, BLOCK * job.machine.processes
    for view in range(views):
        for first in range(0, len(job.train), long):
            rows = range(first, min(first + long, len(job.train)))
            said = np.zeros((len(rows), lesson.width), dtype=np.float32)
            mine = slice(machine.rank, None, machine.processes)
            if rows[mine]:
                said[mine] = lesson.answers(view, rows[mine])
            whole = machine.sum(torch.from_numpy(said).to(machine.device)).cpu().numpy()
            if not np.isfinite(whole).all():
                worst = job.train.ids[rows[int(np.argmin(np.isfinite(whole).all(axis=1)))]]
                raise RunError(f"{SETTING}: its scores of {worst} are not finite")
            yield view, slice(rows.start, rows.stop), whole


def _new(path: Path, shape: Shape) -> "np.memmap[Any, np.dtype[np.float32]]":
    return cast(Any, np.lib.format).open_memmap(path, mode="w+", dtype=np.float32, shape=shape)


def _is_whole(path: Path, shape: Shape) -> bool:
    with contextlib.suppress(InputError):
        return bool(len(_read(path, shape)))
    return False


def _read(path: Path, shape: Shape) -> NDArray[np.float32]:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"damaged: {error}", where=str(path), mend="remove it: the teacher is asked again") from None
    if found.shape != shape or found.dtype != np.float32:
        what = f"damaged: answers of shape {found.shape}"
        raise InputError(what, where=str(path), expected=str(shape), mend="remove it: the teacher is asked again")
    return found


def _take(there: Path, here: Path) -> None:
    """Give a file another name, without a copy where the disk can; one that can't be had or written is none."""
    with contextlib.suppress(OSError):
        if not there.is_file():
            return
        here.parent.mkdir(parents=True, exist_ok=True)
        aside = here.with_name(f".{here.name}-{secrets.token_hex(4)}")
        try:
            try:
                os.link(there, aside)
            except OSError:
                shutil.copyfile(there, aside)
            aside.replace(here)
        finally:
            aside.unlink(missing_ok=True)


def _key(job: Job, spec: DistillSpec, facts: TeacherFacts) -> str:
    """What the answers depend on: teacher, pictures, classes and, where views are shown, how they are made."""
    spaces = {task: space.names for task, space in job.train.layout.spaces.items()}
    about: dict[str, object] = {"teacher": facts.manifest_sha256, "classes": spaces, "width": facts.width}
    about["device"] = job.machine.device.type
    if spec.sees == "views":
        about["views"] = json.loads(job.augment.model_dump_json())
        about["made"] = [job.spec.seed, job.plan.at(0).augment, job.preprocess.fit, job.preprocess.interpolation]
        about["ids"] = job.train.ids
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode(errors="surrogatepass"))
    for address, *stamp in stamps_of([image or "" for image in job.train.first_images]).iter_rows():
        digest.update(f"{address}\0{stamp}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()[:32]
