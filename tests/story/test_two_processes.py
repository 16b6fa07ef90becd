"""Two processes that share every batch end with the weights of one process that sees it whole."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from tests.pictures import folder_per_class

import sfumato

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


def torchrun(*arguments: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_processes_are_one(tmp_path: Path):
    folder_per_class(tmp_path / "photos", {"disc": 22, "stripes": 22})
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    alone = sfumato.train(tmp_path / "recipe.yaml", out=tmp_path / "alone", quiet=True)
    torchrun(str(Path(__file__).with_name("two_processes.py")), str(tmp_path / "recipe.yaml"), str(tmp_path / "shared"))
    ours, theirs = (
        load_file(folder / "checkpoints" / "last" / "model.safetensors")
        for folder in (alone.folder, tmp_path / "shared")
    )
    for name, tensor in ours.items():
        assert torch.allclose(tensor, theirs[name], atol=2e-5), name
    histories = [pl.read_csv(folder / "history.csv") for folder in (alone.folder, tmp_path / "shared")]
    for column in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning"):
        assert histories[0][column].to_list() == pytest.approx(histories[1][column].to_list(), abs=1e-4), column
    assert sfumato.Run(tmp_path / "shared").metrics["test"]["samples"] == alone.metrics["test"]["samples"]
