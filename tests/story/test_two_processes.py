"""Two processes that share every batch end with the weights of one process that sees it whole."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import timm
import torch
from safetensors.torch import load_file
from tests.pictures import folder_per_class, shapes_and_colours

import sfumato
from sfumato.predictions import Predictions
from sfumato.tensor_file import write_tensors

RECIPE = """
name: shared
data: {source: photos, split: {val: 0.25, test: 0.25}}
model: {backbone: test_convnext, weights: none}   # no batch norm: its statistics are a process's own
train: {epochs: 4, optimizer: {kind: sgd, lr: 0.05, momentum: 0.5}, precision: fp32, workers: 0, accumulate: 2}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 8, learn: {"head.*": 1, "*": frozen}}
  - {at: 1ep, learn: {"*": 1}}
  - {at: 3ep, learn: {"head.*": 1, "backbone.stages.3.*": 1, "*": frozen}, label_smoothing: 0.1}
"""

STEADY = "accumulate: 2, schedule: {kind: constant}}"
CHANGEOVER = """  - {at: 4ep, head: {kind: cosine, start: class_means}, head_warmup: 1ep, learn: {"*": 1}, ema_decay: 0.5,
     centre_loss: {weight: 0.1}, class_weights: {}, swa: {lr: 0.02}}
"""
"""What both processes must begin alike: a head from class means, centres, averages."""


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def test_two_processes_are_one(tmp_path: Path):
    folder_per_class(tmp_path / "photos", {"disc": 26, "stripes": 18})
    (tmp_path / "recipe.yaml").write_text(
        RECIPE.replace("accumulate: 2}", STEADY).replace("epochs: 4", "epochs: 6")
        + CHANGEOVER
        + "decision: {familiar: {by: mahalanobis, refused: 0.2}}\n"
    )
    alone = two_are_one(tmp_path)
    centres = [
        load_file(folder / "checkpoints/last/centres.safetensors")["centres"]
        for folder in (alone.folder, tmp_path / "shared")
    ]
    assert torch.allclose(*centres, atol=2e-5)
    shared = sfumato.Run(tmp_path / "shared")
    assert shared.metrics["test"]["samples"] == alone.metrics["test"]["samples"]
    near, nearby = (one.predictions["test"].familiarity for one in (alone, shared))
    assert np.allclose(near, nearby, rtol=1e-3)


@pytest.mark.slow
def test_two_processes_learn_the_weights_of_tasks_alike(tmp_path: Path):
    shapes_and_colours(tmp_path, 60)
    data = "source: table.csv, columns: {label: [shape, colour]}"
    text = RECIPE.replace("source: photos", data).replace("train: {", "train: {task_weights: uncertainty, ")
    (tmp_path / "recipe.yaml").write_text(text.replace("stages.3.*", 'stages.3.*": 1, "uncertainty'))
    two_are_one(tmp_path)


@pytest.mark.slow
def test_two_processes_hear_one_teacher(tmp_path: Path, monkeypatch):
    """Each asks about its share of the pictures, and what they are told is that of one process."""
    folder_per_class(tmp_path / "photos", {"disc": 26, "stripes": 18})
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    sfumato.train(tmp_path / "recipe.yaml", overrides={"train.epochs": 4}, out=tmp_path / "teacher", quiet=True)
    taught = "train: {distill: {teacher: teacher, sees: views, features: 0.5}, "
    text = RECIPE.replace("train: {", f"augment: {{views: 2}}\n{taught}").replace(
        '"*": frozen', '"hint.*": 1, "*": frozen', 1
    )
    (tmp_path / "recipe.yaml").write_text(text.replace('stages.3.*": 1', 'stages.3.*": 1, "hint.*": 1'))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    alone = two_are_one(tmp_path, forget=tmp_path / "own")
    ours, theirs = (np.load(folder / "teacher/answers.npy") for folder in (alone.folder, tmp_path / "shared"))
    assert np.allclose(ours, theirs, atol=1e-5)


@pytest.mark.slow
def test_two_processes_choose_the_same_averages_and_views(tmp_path: Path):
    """What is made after the last step is scored by both, each its share of the samples; one of them writes it."""
    folder_per_class(tmp_path / "photos", {"disc": 26, "stripes": 18})
    torch.manual_seed(0)
    start = timm.create_model("test_convnext", num_classes=0).state_dict()
    write_tensors(tmp_path / "start.safetensors", start)
    made = "train: {soup: {epochs: 2}, interpolate: {alphas: [0.0, 0.5]}, "
    text = RECIPE.replace("weights: none", "weights: {file: start.safetensors}").replace("train: {", made)
    (tmp_path / "recipe.yaml").write_text(text + "views: {flips: [horizontal], scales: [0.9], use: always}\n")
    folders = (two_are_one(tmp_path).folder, tmp_path / "shared")
    ours, theirs = (pl.read_csv(folder / "averages.csv") for folder in folders)
    assert ours.select("weights", "epochs", "alpha", "kept").equals(theirs.select("weights", "epochs", "alpha", "kept"))
    assert ours["loss"].to_list() == pytest.approx(theirs["loss"].to_list(), abs=1e-4)
    mine, shared = (load_file(folder / "bundle/weights.safetensors") for folder in folders)
    assert all(torch.allclose(tensor, shared[name], atol=2e-5) for name, tensor in mine.items())
    one, two = (Predictions.read(folder / "predictions/test.parquet") for folder in folders)
    assert np.allclose(one.logits, two.logits, atol=1e-3)
    assert sorted(path.name for path in (folders[1] / "checkpoints").iterdir()) == ["best", "last", "previous"]


def two_are_one(tmp_path: Path, forget: Path | None = None) -> "sfumato.Run":
    alone = sfumato.train(tmp_path / "recipe.yaml", out=tmp_path / "alone", quiet=True)
    if forget is not None:
        shutil.rmtree(forget)
    torchrun(str(Path(__file__).with_name("two_processes.py")), str(tmp_path / "recipe.yaml"), str(tmp_path / "shared"))
    ours, theirs = (
        load_file(folder / "checkpoints" / "last" / "model.safetensors")
        for folder in (alone.folder, tmp_path / "shared")
    )
    for name, tensor in ours.items():
        assert torch.allclose(tensor, theirs[name], atol=2e-5), name
    histories = [pl.read_csv(folder / "history.csv") for folder in (alone.folder, tmp_path / "shared")]
    for column in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "swa_loss", "learning"):
        assert histories[0][column].fill_null(-1).to_list() == pytest.approx(
            histories[1][column].fill_null(-1).to_list(), abs=1e-4
        ), column
    return alone


@pytest.mark.slow
def test_a_signal_to_one_process_stops_both_which_then_go_on(tmp_path: Path):
    folder_per_class(tmp_path / "photos", {"disc": 16, "stripes": 16})
    recipe = tmp_path / "recipe.yaml"
    changes = {
        "test_convnext": "test_efficientnet",
        "stages": "blocks",
        "precision: fp32": "precision: auto",
        'learn: {"*": 1}': 'learn: {"*": 1}, ema_decay: 0.9',
    }
    text = RECIPE
    for old, new in changes.items():
        text = text.replace(old, new)
    recipe.write_text(text)
    done = torchrun(str(Path(__file__).with_name("stopped_processes.py")), str(recipe), str(tmp_path / "run"))
    said = f"stopped by SIGTERM after step 4 of 8; everything is saved; go on with: sfumato train --resume {tmp_path / 'run'}"
    assert sorted(done.stdout.splitlines()) == [f"rank 0: {said}", f"rank 1: {said}"]
    assert done.stderr.count("train.device: cpu") == 1  # one process speaks for both
    assert done.stderr.count("train.precision: fp32") == 1
    assert pl.read_csv(tmp_path / "run" / "history.csv")["epoch"].to_list() == [0, 1, 2, 3]
    assert (tmp_path / "run" / "bundle").is_dir()
