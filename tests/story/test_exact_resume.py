"""Killed with SIGKILL at any batch and resumed, a run ends with the same weights as one that was never killed."""

import json
import os
import random
import subprocess
import sys
from bisect import bisect_right
from pathlib import Path

import polars as pl
import pytest
from tests.pictures import folder_per_class

RECIPE = """
name: resumed
data: {source: photos, split: {val: 0.2, test: 0.2}}
model: {backbone: test_efficientnet, weights: none, head: {dropout: 0.3}, drop_path: 0.1}
augment: {flips: [horizontal], crop: 0.6, brightness: 0.2, hue: 0.1, erase: 0.3}
train:
  epochs: 7
  optimizer: {lr: 3e-3}
  schedule: {kind: plateau, warmup: 1ep, patience: 1, min_delta: 0.5, factor: 0.5}
  stop: {patience: 6, min_delta: 0.5, monitor: loss}
  sampler: distribution
  accumulate: 2
  precision: fp32
  accept: [two_schedules, mixed_tail]
  checkpoint: {every: 2st, keep: 3ep}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 4, learn: {"head.*": 1, "*": frozen}, sampler_power: 0.5, mixup_alpha: 0.4}
  - {at: 1ep, learn: {"head.*": 2, "backbone.blocks.*": 1, "*": frozen}, ema_decay: 0.9, cutmix_alpha: 1.0}
  - {at: 12st, loss: {kind: tail_focal, fraction: 0.4}}
  - {at: 2ep, head: {kind: cosine, start: old_rows}, head_warmup: 1ep, learn: {"*": 1}, batch_size: 6,
     sampler_power: 0, loss: {kind: focal}, class_weights: {kind: effective_number}, label_smoothing: 0.1,
     image_size: {to: 64, over: 2ep}}
  - {at: 45%, mixup_alpha: 0, cutmix_alpha: 0, centre_loss: {weight: 0.05}}
  - {at: 4ep, head: {kind: cosine, scale: 20, start: class_means}, head_warmup: 5st, class_weights: off,
     loss: {kind: logit_adjusted}, swa: {lr: 1e-3, anneal: 1ep}}
  - {at: 6ep, loss: {}, augment: 0.2, ema_decay: 0, centre_loss: off}
"""
STARTS = (0, 9, 18, 24, 30, 36, 42, 48)
"""First step of each epoch, and one past the last."""
KEYFRAMES = (0, 9, 12, 18, 25, 30, 42)
"""First step of each phase."""
EVERY = 2
"""Steps between two checkpoints."""
COUNTS = {"disc": 30, "stripes": 20, "checks": 14}
TENSORS = (
    "bundle/weights.safetensors",
    "checkpoints/last/model.safetensors",
    "checkpoints/last/optimizer.safetensors",
    "checkpoints/last/mean.safetensors",
    "checkpoints/step-00000024/average.safetensors",
    "checkpoints/step-00000024/model.safetensors",
    "checkpoints/best/model.safetensors",
)
TIMES = ("images_per_second", "seconds")
DRIVER = Path(__file__).with_name("killed_at.py")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("resume")
    folder_per_class(root / "photos", COUNTS)
    path = root / "recipe.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def never_killed(recipe) -> Path:
    return run(recipe, "never", workers=0, kills=[])


def run(recipe: Path, name: str, workers: int, kills: list[int]) -> Path:
    out = recipe.parent / name
    command = [sys.executable, str(DRIVER), str(recipe), str(out), str(workers), *map(str, kills)]
    # a network this small is slower on two threads, and far slower where others use the cores too
    one = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=one)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def attempts(steps: list[int]) -> list[int]:
    """How many steps each attempt takes until it is killed, where the kills fall into these steps of the run."""
    saved, found = 0, []
    for step in steps:
        found.append(step - saved + 1)
        saved = step // EVERY * EVERY  # what was done since the last checkpoint is done again
    return found


@pytest.mark.parametrize(("workers", "seed"), [(0, 4), pytest.param(2, 5, marks=pytest.mark.slow)])
def test_killed_ten_times_gives_the_same_weights(recipe, never_killed, workers, seed):
    steps = sorted(random.Random(seed).sample(range(STARTS[-1]), 10))
    assert len({bisect_right(KEYFRAMES, step) for step in steps}) >= 6
    kills = attempts(steps)
    killed = run(recipe, f"killed-{workers}", workers, kills)
    for name in TENSORS:
        assert (killed / name).read_bytes() == (never_killed / name).read_bytes(), name
    histories = [pl.read_csv(folder / "history.csv").drop(TIMES) for folder in (killed, never_killed)]
    assert histories[0].equals(histories[1])
    classes = [(folder / "class_history.csv").read_bytes() for folder in (killed, never_killed)]
    assert classes[0] == classes[1]
    assert classes[0].count(b"\n") == 1 + len(COUNTS) * (7 + 5 + 3)  # in every epoch raw weights, in some averages
    assert histories[0]["epoch"].to_list() == list(range(7))
    states = [json.loads((folder / "checkpoints/last/progress.json").read_text()) for folder in (killed, never_killed)]
    for state in ("feedback", "best_score", "best_epoch", "best_weights", "mean_updates", "step"):
        assert states[0][state] == states[1][state]
    kept = sorted(path.name for path in (killed / "checkpoints").glob("step-*"))
    assert kept == ["step-00000024", "step-00000042"]


def test_phases_did_what_they_say(never_killed):
    history = pl.read_csv(never_killed / "history.csv")
    assert history["step"].to_list() == list(STARTS[1:])
    learning = history["learning"].to_list()
    assert learning[0] < learning[1] < learning[2] == learning[6]
    assert history["image_size"].to_list() == [32, 32, 32, 64, 64, 64, 64]
    assert history["ema_loss"].is_null().to_list() == [True, False, False, False, False, False, True]
    assert history["swa_loss"].is_null().to_list() == 4 * [True] + 3 * [False]
    feedback = json.loads((never_killed / "checkpoints/last/progress.json").read_text())["feedback"]
    assert feedback["lr_factor"] == 0.125
    assert feedback["stop"]["epochs"] >= 1
    assert (never_killed / "checkpoints/step-00000042/centres.safetensors").is_file()
