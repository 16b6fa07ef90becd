"""A soup and an interpolation of a run that was killed are those of a run that never was."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from tests.pictures import folder_per_class

import sfumato
from sfumato.tensor_file import write_tensors
from sfumato.training import checkpoint

RECIPE = """
name: averaged
data: {source: photos, split: {val: 0.3, test: 0.2}}
model: {backbone: test_efficientnet, weights: {file: start.safetensors}}
augment: {flips: [horizontal]}
train:
  epochs: 6
  optimizer: {lr: 2e-2}
  precision: fp32
  soup: {epochs: 2}
  interpolate: {alphas: [0.0, 0.5]}
  checkpoint: {every: 5st}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 8, learn: {"head.*": 1, "*": frozen}}
  - {at: 8st, learn: {"*": 1}, ema_decay: 0.7}
"""
STEPS = 24
DRIVER = Path(__file__).with_name("killed_at.py")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("averaged")
    folder_per_class(root / "photos", {"disc": 26, "stripes": 22, "checks": 16})
    torch.manual_seed(0)
    write_tensors(root / "start.safetensors", timm.create_model("test_efficientnet", num_classes=0).state_dict())
    (root / "recipe.yaml").write_text(RECIPE)
    return root / "recipe.yaml"


@pytest.fixture(scope="module")
def never_killed(recipe) -> Path:
    return sfumato.train(recipe, overrides={"train.workers": 0}, out=recipe.parent / "never", quiet=True).folder


@pytest.mark.parametrize(
    "kills",
    [(3, 9, 9), pytest.param((22, 3), marks=pytest.mark.slow), pytest.param((14, 6, 8), marks=pytest.mark.slow)],
)
def test_killed_runs_choose_the_same(recipe, never_killed, kills):
    """Before and after the start is kept, in the last epoch, and where ingredients have come and gone since."""
    out = recipe.parent / "-".join(map(str, kills))
    command = [sys.executable, str(DRIVER), str(recipe), str(out), "0", *map(str, kills)]
    one = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, env=one)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("bundle/weights.safetensors", "checkpoints/best/model.safetensors", "averages.csv"):
        assert (out / name).read_bytes() == (never_killed / name).read_bytes(), name
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["best", "last", "previous"]


def test_the_run_tells_what_it_chose_from(never_killed):
    assert checkpoint.load(never_killed / "checkpoints/last").progress.step == STEPS
    with (never_killed / "averages.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["weights"] for row in rows] == ["raw", "ema", "soup", "interpolation", "interpolation", "interpolation"]
    assert [row["kept"] for row in rows].count("1") == 1
    page = (never_killed / "report.html").read_text()
    assert "<h2>Weights to choose from</h2>" in page
