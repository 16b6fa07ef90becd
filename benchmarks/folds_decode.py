"""Folds that share their decoded pictures against as many separate trainings: the same weights, in how much time?

usage: folds_decode.py [FOLDS] [PICTURES] [--write]    default: 5 folds, 240 pictures; --write files the result

Both train the same recipe on the same folds, one after the other in this process, each with a cache folder of its own
that is empty at first. Seconds are those of the processor, which other work on the machine moves less than those of the
clock. What is saved depends on the pictures alone, and not on the network: the larger that is, the smaller the share.
"""

import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import sfumato
from sfumato import concluding
from sfumato.data import pictures
from sfumato.run_folder import environment

HERE = Path(__file__).parent
WIDTH, HEIGHT, CLASSES = 1000, 750, 4
COUNTED: Counter[str] = Counter()
DECODING: list[float] = []
"""Seconds of the processor for each picture that was decoded."""


@dataclass(frozen=True)
class Cost:
    """Of one way to train all folds; seconds of the processor."""

    seconds: float
    decoding: float
    decoded: int


def make_pictures(root: Path, count: int) -> None:
    """JPEGs of blurred noise around a colour of their class."""
    rng = np.random.default_rng(0)
    means = rng.uniform(60, 200, (CLASSES, 3))
    for i in range(count):
        folder = root / f"class-{i % CLASSES}"
        folder.mkdir(parents=True, exist_ok=True)
        coarse = np.clip(rng.normal(means[i % CLASSES], 40, (HEIGHT // 20, WIDTH // 20, 3)), 0, 255)
        small = Image.fromarray(coarse.astype(np.uint8))
        small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(folder / f"{i:04}.jpg", quality=90)


def recipe(root: Path) -> dict[str, Any]:
    return {
        "name": "folds",
        "data": {"source": str(root), "split": {"test": 0}},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "train": {"epochs": 1, "precision": "fp32", "workers": 0, "device": "cpu"},
        "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 32}],
    }


def timed(work: Callable[[], None], cache: Path) -> Cost:
    """What it costs, with nothing remembered from before."""
    os.environ["XDG_CACHE_HOME"] = str(cache)
    COUNTED.clear()
    DECODING.clear()
    begin = time.process_time()
    work()
    return Cost(time.process_time() - begin, sum(DECODING), COUNTED.total())


def count_decodes() -> None:
    """Count what trainings decode; not what their reports open again to show it."""
    decode, write_report = pictures.decode_lean, concluding.write_report

    def counted(path: Any, least: int | None = None) -> Any:
        begin = time.thread_time()
        pixels = decode(path, least)
        DECODING.append(time.thread_time() - begin)
        COUNTED[str(path)] += 1
        return pixels

    def uncounted(folder: Any) -> Path:
        before = COUNTED.copy(), list(DECODING)
        path = write_report(folder)
        COUNTED.clear()
        COUNTED.update(before[0])
        DECODING[:] = before[1]
        return path

    pictures.decode_lean, concluding.write_report = counted, uncounted


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    folds, count = (*numbers, *(5, 240)[len(numbers) :])
    count_decodes()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_pictures(root / "pictures", count)
        asked = recipe(root / "pictures")

        def together() -> None:
            sfumato.crossval(asked, folds=folds, out=root / "cv", quiet=True)

        def apart() -> None:
            for fold in range(folds):
                one = {"data.split.folds": folds, "data.split.fold": fold}
                sfumato.train(asked, overrides=one, out=root / f"run-{fold}", quiet=True)

        shared = timed(together, root / "cache-1")
        separate = timed(apart, root / "cache-2")
        same = all(
            (root / f"cv/fold-{fold}/{inner}").read_bytes() == (root / f"run-{fold}/{inner}").read_bytes()
            for fold in range(folds)
            for inner in ("bundle/weights.safetensors", "predictions/val.parquet")
        )
    text = result(folds, count, shared, separate)
    print(text)
    if "--write" in sys.argv:
        target = HERE / "results" / f"folds-decode_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    assert same, "the weights or predictions differ"
    assert shared.decoded == count, f"{shared.decoded} decodes of {count} pictures"
    assert separate.decoded == folds * count, f"{separate.decoded} decodes of {count} pictures in {folds} trainings"


def result(folds: int, count: int, shared: Cost, separate: Cost) -> str:
    """The table as Markdown."""
    env = environment()
    return "\n".join(
        [
            "# Folds that share their decoded pictures against separate trainings",
            "",
            f"`OMP_NUM_THREADS=1 python benchmarks/folds_decode.py {folds} {count} --write`, {date.today()}, with other"
            f" work on the machine. {env['processor']}, no GPU;",
            f"Python {env['python']}, torch {env['packages']['torch']}, pillow {env['packages']['pillow']}.",
            f"{count} JPEGs of {WIDTH} x {HEIGHT}, {folds} folds, an epoch each of a tiny network at 32 px. The weights"
            " and predictions of both are the same bytes.",
            "",
            "| | pictures decoded | seconds of decoding | seconds in all | ratio |",
            "| --- | --- | --- | --- | --- |",
            f"| {folds} separate trainings | {separate.decoded:,} | {separate.decoding:.1f} | {separate.seconds:.1f}"
            " | 1 |",
            f"| `sfumato crossval --folds {folds}` | {shared.decoded:,} | {shared.decoding:.1f} | {shared.seconds:.1f}"
            f" | {shared.seconds / separate.seconds:.2f} |",
            "",
            "Seconds are those of the processor; the cross-validation's include its summary, page and averaged bundle.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
