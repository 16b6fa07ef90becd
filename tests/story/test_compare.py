"""Recipes and runs side by side: one that fails stops no other, killed it goes on, and the table can be trusted."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.pictures import folder_per_class

import sfumato
from sfumato.cli import main
from sfumato.errors import InputError, Interrupted, Stopped
from sfumato.metrics.paired import paired_difference
from sfumato.processes import pool
from sfumato.run_folder import RunFolder
from sfumato.training.cost import read_cost

RECIPE = """
name: compared
data: {source: photos, split: {val: 0.2, test: 0.3}}
model: {backbone: test_efficientnet, weights: none}
train: {epochs: EPOCHS, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 8}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("compared")
    folder_per_class(root / "photos", {"disc": 30, "stripes": 24, "checks": 20})
    (root / "good.yaml").write_text(RECIPE.replace("EPOCHS", "2"))
    (root / "long.yaml").write_text(RECIPE.replace("EPOCHS", "30"))
    (root / "bad.yaml").write_text(RECIPE.replace("EPOCHS", "2").replace("size: 32", 'size: 32, learn: {"nobody": 1}'))
    (root / "other.yaml").write_text(RECIPE.replace("EPOCHS", "1").replace("test: 0.3", "test: 0.3, seed: 9"))
    return root


@pytest.fixture(scope="module")
def done(root) -> sfumato.Comparison:
    """A failing recipe, one at two learning rates, and a finished run of the same split."""
    given = sfumato.train(root / "good.yaml", overrides={"train.epochs": 1}, out=root / "given", quiet=True)
    grid = {"train.optimizer.lr": [5e-3, 1e-6]}
    sources = [root / "bad.yaml", root / "good.yaml", given.folder]
    with pytest.raises(InputError):  # the grid would make two of the failing one: named here, with nothing trained
        sfumato.compare([*sources, given.folder], grid=grid, out=root / "twice", quiet=True)
    assert not (root / "twice").exists()
    return sfumato.compare(sources, grid=grid, out=root / "done", parallel=4, quiet=True)


def test_the_failed_are_reported_and_the_others_ranked(done):
    (table,) = done.standings
    ranked = [row.name for row in table.ranked]
    assert sorted(ranked) == ["given", "good,lr=0.005", "good,lr=1e-06"]
    assert set(done.failed) == {"bad,lr=0.005", "bad,lr=1e-06"}
    assert "no pattern covers" in done.failed["bad,lr=0.005"]
    frame = pl.read_csv(done.table)
    assert frame["name"].to_list()[:3] == ranked
    assert frame.filter(pl.col("problem").is_not_null())["name"].to_list() == list(done.failed)


def test_the_figures_are_those_of_the_runs(done, root):
    (table,) = done.standings
    row = next(row for row in table.ranked if row.name == "good,lr=0.005")
    run = sfumato.Run(done.folder / "runs" / row.name)
    scores = run.metrics["test"]["scores"]
    assert row.scores["accuracy"].value == scores["accuracy"]["value"]
    assert row.selection["macro_f1"] == run.metrics["val"]["scores"]["macro_f1"]["value"]
    cost = json.loads((run.folder / "cost.json").read_text())
    assert (row.took.seconds, row.took.memory_bytes) == (cost["seconds"], cost["memory_bytes"])
    weights = sfumato.load(run.bundle, device="cpu")
    assert row.took.parameters == cost["parameters"] > 10_000
    assert row.took.epochs == 2
    speeds = pl.read_csv(run.folder / "history.csv")["images_per_second"]
    assert row.took.images_per_second == pytest.approx(2 / (1 / speeds).sum())
    assert weights.labels.names == run.predictions["test"].labels.names


def test_the_difference_is_paired(done, root):
    (table,) = done.standings
    first, second = table.ranked[:2]
    runs = [root / row.name if row.name == "given" else done.folder / "runs" / row.name for row in (second, first)]
    said = [sfumato.Run(run).predictions["test"] for run in runs]
    assert said[0].ids == said[1].ids
    answers = [one.logits.argmax(axis=1).astype(np.int64) for one in said]
    assert second.against.difference == paired_difference(said[0].truth, *answers)


def test_the_page_needs_nothing_else(done):
    page = done.page.read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "http" not in page
    assert "src=" not in page
    assert "Where the recipes differ" in page
    assert "train.optimizer.lr" in page
    assert "so its figures are optimistic" in page


def test_resumed_it_keeps_what_is_finished_and_can_rank_anew(done, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in done.folder.glob("runs/good*/bundle/manifest.json")}
    for name in done.failed:
        shutil.copytree(done.folder / "runs/good,lr=0.005", done.folder / "runs" / name)
    again = sfumato.compare(resume=done.folder, by="macro_f1", quiet=True)
    assert not again.failed
    assert len(again.standings[0].ranked) == 5
    scores = [row.scores["macro_f1"].value for row in again.standings[0].ranked]
    assert scores == sorted(scores, reverse=True)
    assert before == {path: path.stat().st_mtime_ns for path in before}


def wait_for(what, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_killed_its_trainings_save_themselves_and_go_on(root):
    """Exactly: with the weights of a run that nothing interrupted."""
    out = root / "killed"
    command = [sys.executable, "-m", "sfumato", "compare", str(root / "long.yaml"), str(root / "given"), "--quiet"]
    process = subprocess.Popen([*command, "--out", str(out)])
    history = out / "runs/long/history.csv"
    wait_for(lambda: history.is_file() and history.read_text().count("\n") > 3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    log = out / "logs/long.txt"
    wait_for(lambda: "stopped by SIGTERM after step" in log.read_text())
    before = read_cost(out / "runs/long/cost.json")
    assert (before.parts, before.killed, before.running) == (1, 0, False)
    again = sfumato.compare(resume=out, quiet=True)
    after = read_cost(out / "runs/long/cost.json")
    assert (after.parts, after.killed) == (2, 0)
    assert after.seconds > before.seconds
    assert {row.name for row in again.standings[0].ranked} == {"long", "given"}
    whole = sfumato.train(root / "long.yaml", out=root / "whole", quiet=True)
    weights = [run / "bundle/weights.safetensors" for run in (whole.folder, out / "runs/long")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_signal_says_how_to_go_on(root, monkeypatch):
    def stop(*_):
        raise Stopped("SIGTERM")

    monkeypatch.setattr(pool, "PROGRAM", (sys.executable, str(Path(__file__).parents[1] / "pretended_training.py")))
    monkeypatch.setattr(pool, "epochs_done", stop)
    out = root / "stopped"
    with pytest.raises(Interrupted, match=f"^stopped by SIGTERM; go on with: sfumato compare --resume {out}$"):
        sfumato.compare([root / "long.yaml", root / "given"], out=out, quiet=True)


def test_runs_of_other_samples_are_refused_by_name(root, done):
    other = sfumato.train(root / "other.yaml", out=root / "other", quiet=True)
    with pytest.raises(InputError, match=r"other can't be compared with given: measured on other samples: '.*png'"):
        sfumato.compare([root / "given", other.folder], out=root / "unlike", quiet=True)
    assert not (root / "unlike").exists()
    half = Path(shutil.copytree(root / "other", root / "half"))
    shutil.rmtree(half / "bundle")
    with pytest.raises(InputError, match=f"{half}: is not finished; go on with: sfumato train --resume {half}"):
        sfumato.compare([root / "given", half], out=root / "unlike", quiet=True)
    (root / "fused/bundle").mkdir(parents=True)
    with pytest.raises(
        InputError, match=r"fused: has a bundle and is no run; expected recipes, and folders of finished"
    ):
        sfumato.compare([root / "given", root / "fused"], out=root / "unlike", quiet=True)


def test_the_command_line(root, monkeypatch, capsys, done):
    out = root / "finished"
    copy = Path(shutil.copytree(root / "given", root / "copy"))
    arguments = ["compare", str(root / "given"), str(copy), "--out", str(out), "--quiet"]
    monkeypatch.setattr(sys, "argv", ["sfumato", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    text = capsys.readouterr().out
    assert stop.value.code == 0
    assert "given can't be told from copy: other samples might rank them otherwise." in text
    assert "training time" in text
    assert RunFolder(copy).bundle.exists()


@pytest.mark.slow
def test_a_sweep_measures_the_test_part_once_at_its_end(root):
    space = {"train.optimizer.lr": {"choices": [5e-3, 1e-6]}, "train.epochs": {"choices": [1, 2]}}
    found = sfumato.sweep(root / "good.yaml", space, trials=2, out=root / "sweep", parallel=2, quiet=True)
    runs = [sfumato.Run(root / f"sweep/runs/trial-{number:03}") for number in range(2)]
    best = found.swept.best.number
    assert list(runs[1 - best].metrics) == ["val"]
    assert (
        found.best.metrics["test"]["scores"]
        == json.loads((found.folder / "sweep.json").read_text())["test"][""]["scores"]
    )
    scores = [run.metrics["val"]["scores"]["macro_f1"]["value"] for run in runs]
    assert [trial.score for trial in found.swept.trials] == pytest.approx(scores)
    assert found.swept.best.score == pytest.approx(max(scores))
