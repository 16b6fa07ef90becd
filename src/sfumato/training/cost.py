"""What a training took: seconds and peak memory, over all the processes that one after another took part in it."""

import contextlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from sfumato.errors import InputError
from sfumato.json_file import read_json, write_json
from sfumato.models.vlm.few_bits import numbers
from sfumato.stored import read_stored, stored
from sfumato.training.peak_memory import PeakMemory
from sfumato.training.records import EpochDone, Record, Started


@stored
@dataclass(frozen=True)
class Cost:
    """What cost.json holds."""

    seconds: float
    """From the first step to the best weights: validation, checkpoints and features of frozen parts are in it; finding
    and checking the pictures before, and the last measurement after, are not."""
    memory_bytes: int | None
    """Peak: of the GPU where there is one, else of the training process, without those that decode pictures; None =
    the platform does not tell."""
    device: str
    """`cuda`, `mps` or `cpu`."""
    parameters: int
    """Numbers in all parameters of the network at its end, frozen ones too."""
    parts: int = 1
    """Processes that took part: one, and one more for each time the training was gone on with."""
    killed: int = 0
    """Of these, the ones that could not write what they took since their last epoch: `seconds` is short by that."""
    running: bool = False
    """Whether a process is at it, or was killed at it."""


class CostMeter:
    """A listener that keeps cost.json; its clock starts when it is made."""

    def __init__(self, path: Path, device: torch.device, model: nn.Module) -> None:
        self._path, self._device, self._model = path, device, model
        self._since = time.perf_counter()
        self._memory = PeakMemory(device)
        self._former: Cost | None = None
        self._begun = False

    def __call__(self, record: Record) -> None:
        """Write what it took so far, at the start and after every epoch."""
        if isinstance(record, Started):
            self._former, self._begun = read_cost(self._path), True
        if isinstance(record, Started | EpochDone):
            self._write(running=True)

    def close(self) -> None:
        """Write what it took; only where training was seen to begin."""
        if self._begun:
            self._write(running=False)

    def _write(self, *, running: bool) -> None:
        """Written aside and renamed. A disk that is full must not hide what training itself has to say of it."""
        aside = self._path.with_name(f".{self._path.name}.partial")
        with contextlib.suppress(OSError):
            write_json(aside, asdict(self._cost(running=running)))
            aside.replace(self._path)

    def _cost(self, *, running: bool) -> Cost:
        former, peaks = self._former, [self._memory.read()]
        if former is not None:
            peaks.append(former.memory_bytes)
        return Cost(
            seconds=time.perf_counter() - self._since + (former.seconds if former else 0.0),
            memory_bytes=max((peak for peak in peaks if peak is not None), default=None),
            device=self._device.type,
            parameters=numbers(self._model),
            parts=former.parts + 1 if former else 1,
            killed=former.killed + former.running if former else 0,
            running=running,
        )


def read_cost(path: Path) -> Cost | None:
    """What is known; None where nothing is, for a run from before it was written, or damaged."""
    try:
        return read_stored(Cost, read_json(path), "a cost", str(path))
    except InputError:
        return None
