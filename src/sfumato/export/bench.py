"""How many pictures a second each engine of a bundle decides on, and where the time goes."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sfumato.bundle.folder import open_bundle
from sfumato.bundle.samples import read_samples
from sfumato.console import Console
from sfumato.errors import InputError
from sfumato.models.arithmetic import has_bf16
from sfumato.predict.inputs import Decoded, Input, decoded
from sfumato.predict.predictor import BATCH, Predictor, load

ROUNDS = 5
"""Each engine takes its turn so often; medians are told, so that other work on the machine counts the same for all."""
PICTURES = 64
"""Golden samples are repeated up to so many, where no pictures are given."""


@dataclass(frozen=True)
class Speed:
    """Of one engine, medians over the rounds."""

    engine: str
    images_per_second: float
    """Files to decisions, decoding on several threads."""
    decode_seconds: float
    """From a picture's file to its pixels, on one thread; 0 for golden samples, which are no files."""
    look_seconds: float
    """What transform and networks take a picture, in batches."""
    alone_seconds: float
    """A decision on one picture that is asked for alone."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class Benched:
    """What was measured, and on what."""

    speeds: tuple[Speed, ...]
    pictures: int
    given: bool
    """Whether pictures were given; else they are the bundle's golden samples."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"pictures": self.pictures, "given": self.given, "engines": [one.to_dict() for one in self.speeds]}


def bench(
    bundle: str | Path, images: Sequence[Input] = (), device: str | None = None, *, quiet: bool = False
) -> Benched:
    """Measure each engine that can compute a bundle here, in turns.

    Args:
        bundle: A bundle, or the folder of a run.
        images: Pictures to decide on; none = the bundle's golden samples.
        device: As for `load`.
        quiet: Shows no progress.

    Raises:
        InputError: No bundle, or no picture that can be read.
    """
    folder, _ = open_bundle(Path(bundle))
    engines = list(_engines(folder, device))
    inputs = [one for one in images if decoded(one).pictures]
    if images and not inputs:
        raise InputError("none of the pictures can be read", expected="images")
    given = bool(inputs)
    if not given:
        pixels = [sample.pixels for sample in read_samples(folder / "samples")]
        inputs = [pixels[index % len(pixels)] for index in range(PICTURES)]
    rounds = [(name, predictor) for _ in range(ROUNDS) for name, predictor in engines]
    for _, predictor in engines:
        predictor.predict(inputs[:BATCH])  # what is done once is no part of it
    shown = Console(quiet=quiet).progress(iter(rounds), len(rounds), "measuring")
    found: dict[str, list[Speed]] = {}
    for name, predictor in shown:
        found.setdefault(name, []).append(_once(name, predictor, inputs, files=given))
    return Benched(tuple(_median(speeds) for speeds in found.values()), len(inputs), given)


def _engines(folder: Path, device: str | None) -> Iterator[tuple[str, Predictor]]:
    first = load(folder, device, engine="torch")
    yield "torch", first
    if has_bf16(first.device):
        yield "bf16", load(folder, device, engine="bf16")
    best = load(folder, device)
    if best.engine.name != "torch":
        yield best.engine.name, best


def _once(name: str, predictor: Predictor, inputs: Sequence[Input], *, files: bool) -> Speed:
    count = len(inputs)
    whole = _seconds(lambda: predictor.predict(inputs))
    alone = _seconds(lambda: predictor.predict(inputs[:1]))
    seen: list[Decoded] = []
    decoding = _seconds(lambda: seen.extend(map(decoded, inputs)))
    batches = [seen[start : start + BATCH] for start in range(0, count, BATCH)]
    looking = _seconds(lambda: [_look(predictor, batch) for batch in batches])
    return Speed(name, count / whole, decoding / count if files else 0.0, looking / count, alone)


def _look(predictor: Predictor, batch: Sequence[Decoded]) -> None:
    predictor.read([one.pictures for one in batch], [one.text for one in batch])


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _median(speeds: Sequence[Speed]) -> Speed:
    fields = ("images_per_second", "decode_seconds", "look_seconds", "alone_seconds")
    return Speed(speeds[0].engine, *(median(getattr(one, name) for one in speeds) for name in fields))
