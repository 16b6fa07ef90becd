"""`sfumato init`, then `sfumato train` of what it wrote, unedited, on three sets of real pictures.

usage: init_unedited.py [NAME ...] [--write]    NAME: solar-cells, clothes, stamps; default: all that are installed

Each is laid out as a person would have it: a CSV of paths and classes, a folder per class with Chinese names, and a
folder of folders as a Debian package left it. Seconds are those of the whole command of training.
"""

import csv
import gzip
import importlib.util
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sfumato.demo.elpv import read_cells
from sfumato.run_folder import environment

RESULTS = Path(__file__).parent / "results"
IDX = Path("/usr/share/datasets/fashion-mnist")
STAMPS = Path("/usr/share/tuxpaint/stamps")
CLOTHES = ("T恤", "裤子", "套头衫", "连衣裙", "外套", "凉鞋", "衬衫", "运动鞋", "包", "短靴")
CLOTHES_TAKEN = 3000


@dataclass(frozen=True)
class DataSet:
    """Pictures that may be installed, and how they become what a person would have."""

    title: str
    installed: Callable[[], bool]
    install: str
    """The command that brings it."""
    lay_out: Callable[[Path], Path]
    """Empty folder -> what `sfumato init` is given."""


def solar_cells(folder: Path) -> Path:
    """A CSV of absolute paths: 2,624 cells, defective from probability 0.5 on."""
    table = folder / "cells.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label"])
        writer.writerows([cell.image, cell.label] for cell in read_cells())
    return table


def clothes(folder: Path) -> Path:
    """A folder per class with Chinese names: the first pictures of the training file."""
    with gzip.open(IDX / "train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(16 + CLOTHES_TAKEN * 784), np.uint8)[16:].reshape(-1, 28, 28)
    with gzip.open(IDX / "train-labels-idx1-ubyte.gz") as file:
        classes = np.frombuffer(file.read(8 + CLOTHES_TAKEN), np.uint8)[8:]
    for i, (picture, number) in enumerate(zip(pixels, classes, strict=True)):
        path = folder / "衣服" / CLOTHES[number] / f"{i:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return folder / "衣服"


DATA_SETS = {
    "solar-cells": DataSet(
        "ELPV, 2,624 photographs of solar cells, a CSV",
        lambda: importlib.util.find_spec("elpv_dataset") is not None,
        "pip install elpv-dataset",
        solar_cells,
    ),
    "clothes": DataSet(
        "Fashion-MNIST, 3,000 pictures in folders with Chinese names",
        IDX.is_dir,
        "apt-get install dataset-fashion-mnist",
        clothes,
    ),
    "stamps": DataSet(
        "Tux Paint's stamps, as installed: drawings and cut-out photographs by subject",
        STAMPS.is_dir,
        "apt-get install tuxpaint-stamps-default",
        lambda _: STAMPS,
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What came of one data set."""

    title: str
    recipe: str
    metrics: dict[str, Any]
    seconds: float


def sfumato(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "sfumato", *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"sfumato {' '.join(words)}: exit code {done.returncode}")
    return done.stdout


def try_out(data_set: DataSet) -> Outcome:
    """Lay it out, write the recipe, train it as it stands."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = folder / "recipe.yaml"
        recipe.write_text(sfumato("init", str(data_set.lay_out(folder))), encoding="utf-8")
        begin = time.perf_counter()
        document = json.loads(sfumato("train", str(recipe), "--json", "--quiet", "--out", str(folder / "run")))
        seconds = time.perf_counter() - begin
        return Outcome(data_set.title, recipe.read_text(encoding="utf-8"), document["metrics"]["test"], seconds)


def main() -> None:
    names = [word for word in sys.argv[1:] if not word.startswith("-")] or list(DATA_SETS)
    outcomes: list[Outcome] = []
    for name in names:
        if not DATA_SETS[name].installed():
            print(f"{name}: not installed, passed over; {DATA_SETS[name].install}", file=sys.stderr)
            continue
        outcomes.append(try_out(DATA_SETS[name]))
        print(f"{name}: {line(outcomes[-1])}", file=sys.stderr, flush=True)
    text = result(names, outcomes)
    print(text)
    if "--write" in sys.argv:
        path = RESULTS / f"init_2-core-{platform.machine()}_{date.today()}.md"
        path.write_text(text, encoding="utf-8")


def line(outcome: Outcome) -> str:
    """A row of the table."""
    scores, samples = outcome.metrics["scores"], outcome.metrics["samples"]
    figures = [
        f"{s['value']:.3f} ({s['low']:.3f} to {s['high']:.3f})" for s in map(scores.get, ("accuracy", "macro_f1"))
    ]
    return f"| {outcome.title} | {samples} | {' | '.join(figures)} | {outcome.seconds / 60:.1f} |"


def result(names: list[str], outcomes: list[Outcome]) -> str:
    """The table and the recipes as Markdown."""
    env = environment()
    lines = [
        "# What `sfumato init` writes, trained unedited",
        "",
        f"`taskset -c 0,1 python benchmarks/init_unedited.py {' '.join(names)} --write`, {date.today()}.",
        f"{env['processor']}, 2 cores, no GPU; Python {env['python']}, torch {env['packages']['torch']}, "
        f"timm {env['packages']['timm']}.",
        "For each: `sfumato init DATA > recipe.yaml`, then `sfumato train recipe.yaml`. Scores on the test part, with",
        "95 % intervals; minutes of the whole training.",
        "",
        "| data | test samples | accuracy | macro F1 | minutes |",
        "| --- | --- | --- | --- | --- |",
        *map(line, outcomes),
    ]
    for outcome in outcomes:
        lines += ["", f"## {outcome.title}", "", "```yaml", outcome.recipe.rstrip(), "```"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
