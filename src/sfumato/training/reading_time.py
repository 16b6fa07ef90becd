"""How long a picture takes from its file to the batch, measured on a few of the data's own."""

import time
from dataclasses import dataclass

import numpy as np

from sfumato.data.loading import Request, Samples
from sfumato.errors import RunError
from sfumato.training.job import Job

_FEW = 12
Look = tuple[int, float]
"""(side in pixels, strength of augmentation)."""


@dataclass(frozen=True)
class ReadingTime:
    """Of one picture, on one core."""

    decode: float
    """Seconds from the file to pixels."""
    prepare: dict[Look, float]
    """Seconds from pixels to what the network gets."""
    bytes: float
    """Of the decoded picture, as it is kept."""

    def seconds(self, look: Look, kept: float) -> float:
        """Seconds a picture where a share of them, 0 to 1, is kept decoded."""
        return self.prepare[look] + self.decode * (1 - kept)


def measure_reading(job: Job, looks: set[Look]) -> ReadingTime | None:
    """Look at a few training pictures in every way; None where none can be read."""
    pictures = job.pictures.emptied(float("inf"))
    samples = Samples(job.train, job.preprocess, job.augment, job.spec.seed, pictures)
    spread = np.unique(np.linspace(0, len(samples) - 1, min(_FEW, len(samples))).astype(int)).tolist()
    plain = (job.preprocess.size, 0.0)
    _seconds(samples, spread[0], plain)  # whatever is slow the first time
    first = [(row, _seconds(samples, row, plain)) for row in spread[1:] or spread]
    read = [(row, seconds) for row, seconds in first if seconds is not None]
    if not read:
        return None
    rows = [row for row, _ in read]
    prepare = {look: _mean(samples, rows, look) for look in looks | {plain}}
    decode = float(np.mean([seconds for _, seconds in read])) - prepare[plain]
    return ReadingTime(max(0.0, decode), prepare, pictures.bytes / max(1, len(pictures)))


def _mean(samples: Samples, rows: list[int], look: Look) -> float:
    return float(np.mean([_seconds(samples, row, look) or 0.0 for row in rows]))


def _seconds(samples: Samples, row: int, look: Look) -> float | None:
    """Of one picture; None where it can't be read."""
    start = time.perf_counter()
    found = samples.__getitems__([Request(row, 0, 0, *look)])
    return None if isinstance(found, RunError) else time.perf_counter() - start
