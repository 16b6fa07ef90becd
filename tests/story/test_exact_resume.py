"""Killed with SIGKILL at any batch and resumed, a run ends with the same weights as one that was never killed."""

import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests.pictures import folder_per_class

RECIPE = """
name: resumed
data: {source: photos, split: {val: 0.2, test: 0.2}}
model: {backbone: test_efficientnet, weights: none, head: {kind: mlp, hidden: 16, dropout: 0.3}, drop_path: 0.1}
augment: {flips: [horizontal], crop: 0.6, brightness: 0.2, hue: 0.1, erase: 0.3}
train:
  epochs: 6
  optimizer: {lr: 3e-3}
  schedule: {warmup: 1ep, floor: 1e-5}
  accumulate: 2
  precision: fp32
  checkpoint: {every: 2st, keep: 3ep}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 4, learn: {"head.*": 1, "*": frozen}, sampler_power: 0.5, mixup_alpha: 0.4}
  - {at: 2ep, learn: {"head.*": 2, "backbone.blocks.*": 1, "*": frozen}, ema_decay: 0.9, cutmix_alpha: 1.0}
  - {at: 3ep, learn: {"*": 1}, image_size: {to: 64, over: 2ep}, batch_size: 6, label_smoothing: 0.1}
  - {at: 5ep, mixup_alpha: 0, cutmix_alpha: 0, augment: 0.2, lr_scale: 0.4}
"""
COUNTS = {"disc": 30, "stripes": 20, "checks": 14}
TENSORS = (
    "bundle/weights.safetensors",
    "checkpoints/last/model.safetensors",
    "checkpoints/last/optimizer.safetensors",
    "checkpoints/last/average.safetensors",
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
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.mark.parametrize("workers", [0, 2])
def test_killed_five_times_gives_the_same_weights(recipe, never_killed, workers):
    rng = random.Random(workers)
    kills = [1, *(rng.randint(3, 9) for _ in range(4))]
    killed = run(recipe, f"killed-{workers}", workers, kills)
    for name in TENSORS:
        assert (killed / name).read_bytes() == (never_killed / name).read_bytes(), name
    histories = [pl.read_csv(folder / "history.csv").drop(TIMES) for folder in (killed, never_killed)]
    assert histories[0].equals(histories[1])
    assert histories[0]["epoch"].to_list() == list(range(6))
    kept = sorted(path.name for path in (killed / "checkpoints").glob("step-*"))
    assert kept == sorted(path.name for path in (never_killed / "checkpoints").glob("step-*"))
    assert len(kept) == 2


def test_phases_did_what_they_say(never_killed):
    history = pl.read_csv(never_killed / "history.csv")
    learning = history["learning"].to_list()
    assert learning[0] == learning[1] < learning[2] < learning[3] == learning[5]
    assert history["image_size"].to_list() == [32, 32, 32, 32, 64, 64]
    assert history["ema_loss"].is_null().to_list() == [True, True, False, False, False, False]
