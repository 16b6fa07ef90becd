"""Ctrl-C and SIGTERM save and say how to go on; what goes wrong while training is told in one line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import torch
from tests.conftest import RECIPE
from tests.pictures import folder_per_class

import sfumato
from sfumato.cli import main
from sfumato.errors import InputError, RunError
from sfumato.training.step import Learner


@pytest.fixture
def recipe(tmp_path) -> Path:
    folder_per_class(tmp_path / "photos", {"disc": 24, "stripes": 20})
    path = tmp_path / "recipe.yaml"
    path.write_text(
        RECIPE.replace("epochs: 3", "epochs: 400").replace("batch_size: 16", "batch_size: 4"), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_saves_and_says_how_to_go_on(recipe, number):
    command = [sys.executable, "-m", "sfumato", "train", str(recipe), "--out", "run", "--set", "train.workers=2"]
    process = subprocess.Popen(
        command, cwd=recipe.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    history = recipe.parent / "run" / "history.csv"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (history.is_file() and len(history.read_text().splitlines()) > 3):
        time.sleep(0.05)
    os.killpg(process.pid, number)  # as a terminal does: the workers get it too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    last = errors.splitlines()[-1]
    assert last.startswith(f"sfumato: stopped by {number.name} after step ")
    assert last.endswith("everything is saved; go on with: sfumato train --resume run")
    assert "Traceback" not in errors
    step = json.loads((recipe.parent / "run" / "checkpoints" / "last" / "progress.json").read_text())["step"]
    assert f"after step {step} of" in last


@pytest.mark.parametrize(
    ("place", "number"),
    [("fitting.fit", signal.SIGINT), ("run.look", signal.SIGINT), ("concluding.make_bundle", signal.SIGTERM)],
)
def test_a_signal_outside_the_steps_says_how_to_go_on(
    small_recipe, small_run, tmp_path, monkeypatch, capsys, place, number
):
    def stop(*arguments, **options):
        os.kill(os.getpid(), number)
        time.sleep(10)

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(f"sfumato.{place}", stop)
        patch.setattr(sys, "argv", ["sfumato", "train", str(small_recipe), "--out", str(out), "--quiet"])
        with pytest.raises(SystemExit) as left:
            main()
    assert left.value.code == 1
    said = f"sfumato: stopped by {number.name}; go on with: sfumato train --resume {out}\n"
    assert capsys.readouterr() == ("", said)
    resumed = sfumato.train(resume=out, quiet=True)
    weights = [run.bundle / "weights.safetensors" for run in (small_run, resumed)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_signal_before_there_is_a_run_leaves_nothing(small_recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sfumato.begun.prepare", lambda *a: os.kill(os.getpid(), signal.SIGTERM) or time.sleep(10))
    monkeypatch.setattr(sys, "argv", ["sfumato", "train", str(small_recipe), "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert capsys.readouterr() == ("", "sfumato: stopped by SIGTERM\n")
    assert not (tmp_path / "run").exists()


def test_a_damaged_checkpoint_is_skipped_and_the_one_before_is_used(recipe, capsys):
    short = {"train.epochs": 4}
    whole = sfumato.train(recipe, overrides=short, out=recipe.parent / "whole", quiet=True)
    cut = recipe.parent / "cut"
    take_step, taken = Learner.step, 0

    def stop_at_seven(self, batch, settings, step_images):
        nonlocal taken
        taken += 1
        if taken == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return take_step(self, batch, settings, step_images)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "step", stop_at_seven)
        with pytest.raises(sfumato.Interrupted):
            sfumato.train(recipe, overrides=short, out=cut, quiet=True)
    (cut / "checkpoints" / "last" / "model.safetensors").write_bytes(b"damaged")
    sfumato.train(resume=cut)
    assert "warning: skipped a damaged checkpoint" in capsys.readouterr().err
    weights = [folder / "bundle" / "weights.safetensors" for folder in (whole.folder, cut)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_finished_run_has_nothing_left_to_do(small_run):
    before = (small_run.bundle / "manifest.json").read_bytes()
    assert sfumato.train(resume=small_run.folder, quiet=True).metrics == small_run.metrics
    assert (small_run.bundle / "manifest.json").read_bytes() == before


def test_a_resumed_run_takes_no_other_recipe(small_run, recipe):
    with pytest.raises(InputError, match="a resumed run goes on with its own recipe"):
        sfumato.train(recipe, resume=small_run.folder, quiet=True)


def test_a_loss_that_is_not_finite_names_the_steps(recipe, monkeypatch):
    take_step, taken = Learner.step, 0

    def poison(self, batch, settings, step_images):
        nonlocal taken
        taken += 1
        if taken == 3:
            with torch.no_grad():
                self.model.head[1].weight.fill_(float("nan"))
        return take_step(self, batch, settings, step_images)

    monkeypatch.setattr(Learner, "step", poison)
    with pytest.raises(
        RunError, match=r"the loss is not finite between steps 2 and 3 \(epoch 1\); lower train\.optimizer\.lr"
    ):
        sfumato.train(recipe, overrides={"train.checkpoint.every": "2st"}, out=recipe.parent / "run", quiet=True)
    saved = json.loads((recipe.parent / "run" / "checkpoints" / "last" / "progress.json").read_text())
    assert saved["step"] == 2  # nothing that is not finite was ever saved


def test_weights_that_a_step_spoilt_are_never_saved(recipe, monkeypatch):
    take_step, taken = Learner.step, 0

    def spoil(self, batch, settings, step_images):
        nonlocal taken
        taken += 1
        outcome = take_step(self, batch, settings, step_images)
        if taken == 4:
            with torch.no_grad():
                self.model.head[1].weight[0, 0] = float("inf")
        return outcome

    monkeypatch.setattr(Learner, "step", spoil)
    with pytest.raises(RunError, match=r"^weights are not finite after step 3 \(epoch 1\); lower train\.optimizer\.lr"):
        sfumato.train(recipe, overrides={"train.checkpoint.every": "2st"}, out=recipe.parent / "run", quiet=True)
    saved = json.loads((recipe.parent / "run" / "checkpoints" / "last" / "progress.json").read_text())
    assert saved["step"] == 2


def test_best_is_remembered_across_resume(small_run):
    history = pl.read_csv(small_run.folder / "history.csv")
    score = pl.max_horizontal(pl.col("val_macro_f1"), pl.col("ema_macro_f1").fill_null(0))
    best = history.with_columns(score.alias("score"))
    progress = json.loads((small_run.folder / "checkpoints" / "last" / "progress.json").read_text())
    assert progress["best_score"][0] == pytest.approx(best["score"].max())
    assert history["best"][progress["best_epoch"]] == progress["best_weights"]
