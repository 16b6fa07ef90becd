"""Device, precision and worker processes: each chosen with a reason that is printed."""

import copy
import os
import time
from dataclasses import dataclass
from typing import Literal

import torch

from sfumato.data.mixing import one_hot
from sfumato.errors import InputError
from sfumato.models.arithmetic import has_bf16
from sfumato.models.network import Network
from sfumato.training.machine import launched
from sfumato.training.parameters import apply_learning
from sfumato.training.settings import Settings

DeviceChoice = Literal["auto", "cuda", "mps", "cpu"]
PAYS = 0.9
"""bf16 is taken on a CPU if a step takes at most this share of its fp32 time."""
NO_FP16 = "the GPU has no bf16, and the model leaves the range of fp16"
_TRIAL_IMAGES = 16
_ROUNDS = 5


@dataclass(frozen=True)
class Choice:
    """A value that was chosen automatically, and why."""

    value: str
    reason: str


def choose_device(asked: DeviceChoice) -> Choice:
    """CUDA, else MPS, else CPU; or the one that was asked for.

    Raises:
        InputError: The one asked for is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        best = next(name for name, is_there in there.items() if is_there)
        missing = [name for name in there if not there[name]]
        return Choice(best, f"no {' and no '.join(missing)} here" if best == "cpu" else "the fastest here")
    if not there[asked]:
        found = ", ".join(name for name, is_there in there.items() if is_there)
        raise InputError(f"no {asked} device here", setting="train.device", expected=f"auto, or one of {found}")
    return Choice(asked, "asked for in train.device")


def choose_precision(device: str, model: Network, settings: Settings) -> Choice:
    """The precision that trains fastest without changing the result by more than rounding.

    On a CPU it is measured on a copy of the model, a few steps at the settings given: bf16 halves the traffic of dense
    networks, and slows depthwise ones down.
    """
    if device == "cuda":
        other = Choice("fp16", "the GPU has no bf16") if model.bears_fp16 else Choice("fp32", NO_FP16)
        return Choice("bf16", "the GPU has it") if has_bf16(torch.device(device)) else other
    if device == "mps":
        return Choice("fp32", "mixed precision is not dependable on MPS")
    if not has_bf16(torch.device(device)):
        return Choice("fp32", "the CPU has no bf16 instructions")
    if launched()[1] > 1:
        return Choice("fp32", "each of several processes might measure otherwise")
    ratio = _bf16_ratio(model, settings)
    said = f"a step in bf16 takes {ratio:.2f} times its time in fp32"
    return Choice("bf16" if ratio <= PAYS else "fp32", said)


def choose_workers(asked: Literal["auto"] | int, device: str) -> Choice:
    """Processes that decode images."""
    if asked != "auto":
        return Choice(str(asked), "asked for in train.workers")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if device == "cpu":
        few = min(4, cores // 4)  # on two cores even one worker stalls the network more than it relieves it
        return Choice(str(few), f"{cores} core{'s' if cores > 1 else ''}, most of them needed by the network")
    return Choice(str(min(8, cores)), f"{cores} cores feed the {device} device")


def _bf16_ratio(model: Network, settings: Settings) -> float:
    """Time of a step in bf16 over that in fp32: the fastest of a few each, in turn.

    Others on the machine can only make a step slower, and in turn they slow both down alike.
    """
    trial = copy.deepcopy(model)
    if settings.head != trial.head_spec:
        trial.replace_head(settings.head)
    apply_learning(trial, settings.learn)
    size, count = settings.image_size, min(_TRIAL_IMAGES, settings.batch_size)
    images = torch.zeros(count, 3, size, size, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    targets = one_hot(torch.zeros(count, dtype=torch.int64), model.classes)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(_ROUNDS):
        for bf16, taken in seconds.items():
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                _, logits = trial(images)
            torch.nn.functional.cross_entropy(logits, targets).backward()
            taken.append(time.perf_counter() - start)
    return min(seconds[True][1:]) / min(seconds[False][1:])
