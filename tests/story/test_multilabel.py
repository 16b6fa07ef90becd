"""Images of any number of classes: from a table to a bundle, its decisions, what is measured, and another decision."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import coverage_error
from tests.pictures import marks

import sfumato
from sfumato.cli import main
from sfumato.errors import InputError
from sfumato.metrics.multilabel_results import MultilabelResults
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.teaching.teacher import find_teacher
from sfumato.training.distillation import DistillSpec

RECIPE = """
name: marks
data: {source: table.csv, columns: {label: marks}, split: {val: 0.25, test: 0.25}}
model: {backbone: test_efficientnet, weights: none}
train: {epochs: 6, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 48, batch_size: 16, loss: {kind: asymmetric}}
  - {at: 2ep, mixup_alpha: 0.2}
  - {at: 4ep, loss: {kind: binary_cross_entropy, pos_weight: balanced}, mixup_alpha: 0, ema_decay: 0.5}
decision: {misses: 0.1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("multilabel")
    marks(root, 240)
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def run(folder):
    return sfumato.train(folder / "recipe.yaml", out=folder / "run", quiet=True)


def test_it_learns_and_says_so(run):
    found = MultilabelResults.from_dict(run.metrics["test"])
    assert found.scores["map"].value > 0.9
    assert found.scores["macro_f1"].value > 0.8
    assert found.scores["macro_f1"].low < found.scores["macro_f1"].value
    assert {"accuracy", "micro_f1", "coverage_error", "nll_before", "set_miss"} <= found.scores.keys()
    table = run.predictions["test"]
    assert isinstance(table, MultilabelPredictions)
    assert table.labels.names == ("green", "red", "蓝")
    assert (table.truth.sum(axis=1) == 0).any() and (table.truth.sum(axis=1) > 1).any()


def test_history_measures_labels_and_the_choice_is_noted(run):
    history = pl.read_csv(run.folder / "history.csv")
    assert {"val_map", "val_micro_f1", "val_macro_f1", "val_accuracy", "ema_map"} <= set(history.columns)
    assert "val_balanced_accuracy" not in history.columns
    best = history.filter(pl.col("best") != "")[-1]
    kept = {"raw": "val"}.get(best["best"][0], best["best"][0])
    val = run.predictions["val"]
    assert best[f"{kept}_coverage_error"][0] == pytest.approx(coverage_error(val.truth, val.logits))
    assert 0 < best[f"{kept}_map_11_point"][0] <= 1
    assert history["train_loss"].is_finite().all()
    notes = json.loads((run.folder / "env.json").read_text())["notes"]
    assert any(note.startswith("train.select: map") for note in notes)
    assert "no label" in (run.folder / "data" / "bad_images.csv").read_text()


def test_the_bundle_decides_as_the_run_did(run, folder):
    model = sfumato.load(run.bundle, device="cpu")
    assert model.tasks.multilabel
    table = run.predictions["test"]
    decisions = model.predict([*(folder / name for name in table.ids), folder / "none.png"])
    named = run_named(run)
    for decision, names in zip(decisions, named, strict=False):
        assert decision.labels is not None and set(decision.labels) == names
        assert decision.label is None and decision.confidence is None
        assert decision.set is not None and decision.calibrated
    assert decisions[-1].error == "no such file" and decisions[-1].labels is None
    assert set(decisions[-1].to_dict()) >= {"input", "error"}


def sfumato_main(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["sfumato", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def run_named(run) -> list[set[str]]:
    model, table = sfumato.load(run.bundle, device="cpu"), run.predictions["test"]
    named = model.policy.apply(table.logits).named
    return [{table.labels.names[c] for c in np.flatnonzero(row)} for row in named]


def test_decisions_are_written_in_every_form(run, folder, monkeypatch):
    for suffix in (".csv", ".jsonl", ".parquet"):
        out = folder / f"said{suffix}"
        assert sfumato_main(monkeypatch, "predict", run.bundle, folder / "pictures" / "001.png", "--out", out) == 0
    rows = [pl.read_csv(folder / "said.csv"), pl.read_parquet(folder / "said.parquet")]
    said = [json.loads(row["labels"][0]) for row in rows]
    assert said[0] == said[1] == json.loads((folder / "said.jsonl").read_text())["labels"]
    assert rows[1].columns == ["input", "labels", "calibrated", "error", "set", "p:green", "p:red", "p:蓝"]


def test_labelled_data_is_measured(run, folder, monkeypatch, capsys):
    out = folder / "measured"
    asked = ["evaluate", str(run.bundle), str(folder / "table.csv"), "--set", "data.columns.label=marks"]
    assert sfumato_main(monkeypatch, *asked, "--out", out, "--quiet") == 0
    assert "mAP, all-point" in capsys.readouterr().out
    rows = pl.read_csv(out / "decisions.csv")
    assert rows["right"].null_count() == 16  # of 240 every fifteenth has no answer
    assert rows["right"].mean() > 0.8
    assert "macro-F1" in (out / "report.html").read_text(encoding="utf-8")


def test_another_decision_trains_nothing(run, folder, monkeypatch):
    out = folder / "decided"
    asked = ["decide", str(run.folder), "--set", "decision.misses=0.02", "--set", "decision.calibration=beta"]
    asked += ["--set", "decision.thresholds={rule: youden, shrinkage: 0}"]
    assert sfumato_main(monkeypatch, *asked, "--out", out, "--quiet") == 0
    policy = json.loads((out / "bundle" / "policy.json").read_text())
    assert (policy["calibrator"]["kind"], policy["misses"]["alpha"]) == ("beta", 0.02)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "at most 2.0\N{NO-BREAK SPACE}% were promised" in page
    assert "From this probability on it names the class." in page
    before, after = (json.loads((one / "thresholds.json").read_text()) for one in (run.folder, out))
    assert (before["rule"]["kind"], after["rule"]["kind"], after["shrinkage"]) == ("f_beta", "youden", 0)
    values = [row["threshold"] for row in policy["thresholds"]["classes"]]
    assert [row["threshold"] for row in after["classes"].values()] == values
    assert after == json.loads((out / "bundle" / "thresholds.json").read_text())


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_weights(run, folder):
    command = [sys.executable, str(Path(__file__).with_name("killed_at.py")), str(folder / "recipe.yaml")]
    command += [str(folder / "again"), "0", "17"]
    one = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=one)
    assert done.returncode == 0, done.stderr
    first, second = (folder / name / "bundle" / "weights.safetensors" for name in ("run", "again"))
    assert first.read_bytes() == second.read_bytes()


def test_a_picture_that_is_wrong_is_shown_with_its_worst_label(run):
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "mAP" in page and "Confusion" not in page
    assert "asymmetric" in page


def test_a_bundle_of_several_classes_teaches_nobody_who_names_one(run):
    with pytest.raises(InputError, match="several classes an image, and a student learns from one that names one"):
        find_teacher(DistillSpec(teacher=str(run.folder)))
