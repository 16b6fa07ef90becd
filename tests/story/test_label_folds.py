"""A recipe for images of any number of classes, once for each fold: scores, what is unmeasured, the averaged bundle."""

import json
import sys

import numpy as np
import polars as pl
import pytest
from tests.pictures import marks, picture

import sfumato
from sfumato.cli import main
from sfumato.comparison.measured import read_outcome
from sfumato.decision.calibrators.one_vs_rest import sigmoid
from sfumato.metrics.average_precision import average_precision
from sfumato.metrics.honesty import log_losses
from sfumato.metrics.label_scores import selection_scores
from sfumato.metrics.multilabel_results import MultilabelResults
from sfumato.run_folder import RunFolder

RECIPE = """
name: folded
data:
  source: table.csv
  columns: {label: marks}
  labels: {file: labels.yaml}
  split: {test: 0.2}
model: {backbone: test_efficientnet, weights: none}
train: {epochs: 3, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 16, loss: {kind: asymmetric}}
decision: {misses: 0.1}
"""
NAMES = ("red", "green", "蓝", "twice", "once", "never")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """Of `twice` and `once` there are so many pictures, of `never` none."""
    root = tmp_path_factory.mktemp("label-folds")
    marks(root, 150, 32)
    lines = (root / "table.csv").read_text(encoding="utf-8").splitlines()
    for row, name in ((3, "twice"), (40, "twice"), (70, "once")):
        lines[row] += f"|{name}"
    (root / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "labels.yaml").write_text("labels: [red, green, 蓝, twice, once, never]\n", encoding="utf-8")
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return root / "recipe.yaml"


@pytest.fixture(scope="module")
def done(recipe) -> sfumato.CrossValidation:
    return sfumato.crossval(recipe, folds=3, out=recipe.parent / "done", quiet=True)


@pytest.fixture(scope="module")
def nested(recipe) -> sfumato.CrossValidation:
    given = {"data.split.val": 0.25}
    return sfumato.crossval(recipe, overrides=given, folds=2, nested=True, out=recipe.parent / "nested", quiet=True)


def test_every_class_is_spread_evenly_over_the_folds(done):
    oof = done.predictions["oof"]
    table = RunFolder(done.folds[0].folder).read_table()
    pool = {name for run in done.folds for name in RunFolder(run.folder).read_table().part("val").ids}
    assert set(oof.ids) == pool and len(set(oof.ids)) == len(oof) < len(table)
    folds = np.array(oof.folds)
    for place in range(3):
        each = [int(oof.there[folds == name, place].sum()) for name in "012"]
        assert max(each) - min(each) <= 2
    assert (oof.truth.sum(axis=1) == 0).any()


def test_scores_of_a_fold_are_those_of_its_logits(done):
    for fold, run in zip(done.summary.folds, done.folds, strict=True):
        val = run.predictions["val"]
        said, there = val.logits > 0, val.there
        assert fold.scores["accuracy"] == pytest.approx((said == there).all(axis=1).mean())
        hits = (said & there).sum()
        assert fold.scores["micro_f1"] == pytest.approx(2 * hits / (said.sum() + there.sum()))
        assert fold.scores["map"] == pytest.approx(np.nanmean(average_precision(val.truth, val.logits, "all_point")))
        assert fold.scores["loss"] == pytest.approx(log_losses(sigmoid(val.logits.astype(float)), there).mean() / 6)
        assert fold.scores["best"] == pytest.approx(pl.read_csv(run.folder / "history.csv")["val_map"].max())
        assert {"brier_before", "classwise_ece_before"} <= fold.scores.keys()
        assert not {"nll", "brier", "set_miss"} & fold.scores.keys()
    for name in ("loss", "map", "macro_f1", "micro_f1", "accuracy", "best"):
        values = [fold.scores[name] for fold in done.summary.folds]
        assert done.summary.mean[name] == pytest.approx(np.mean(values))
        assert done.summary.std[name] == pytest.approx(np.std(values, ddof=1))


def test_a_class_without_a_picture_in_any_fold_is_unmeasured(done):
    assert done.summary.unmeasured[""][-2:] == ["once", "never"]
    oof = MultilabelResults.from_dict(done.summary.results["out_of_fold"])
    rows = {row.name: row for row in oof.classes}
    assert rows["never"].support == rows["once"].support == 0
    assert rows["never"].average_precision is None
    assert rows["once"].trained == 1 and rows["never"].trained == 0
    measured = [row.f1 for row in oof.classes if row.support]
    assert oof.scores["macro_f1"].value == pytest.approx(np.mean(measured))


def test_the_bundle_averages_the_folds_at_the_temperature_of_its_policy(done):
    model, pictures = sfumato.load(done.bundle, device="cpu"), [picture("disc", i, 32) for i in range(3)]
    arrays = [np.array(one) for one in pictures]
    each = np.stack([sfumato.load(run.bundle, device="cpu").logits(arrays) for run in done.folds]).astype(float)
    at = model.policy.pool_at
    assert at.fitted and model.policy.calibrator.samples == len(done.predictions["oof"])
    mean = sigmoid(each / at.value).mean(axis=0)
    expected = model.policy.calibrated(at.value * np.log(mean / (1 - mean)))
    said = model.predict(pictures)
    found = [[one.probabilities[name] for name in model.labels.names] for one in said]
    assert np.allclose(found, expected, atol=1e-5)
    assert said[0].set is not None and said[0].labels is not None


def test_the_test_part_is_measured_as_the_bundle_answers(done):
    test = done.predictions["test"]
    model = sfumato.load(done.bundle, device="cpu")
    decisions = model.predict([done.folder.parent / name for name in test.ids])
    named = model.policy.apply(test.logits).named
    for decision, row in zip(decisions, named, strict=True):
        assert set(decision.labels) == {test.labels.names[c] for c in np.flatnonzero(row)}
    known = test.known()
    exact = (model.policy.apply(known.logits).named == known.there).all(axis=1).mean()
    assert done.summary.results["test"]["scores"]["accuracy"]["value"] == pytest.approx(exact)


def test_page_picture_and_terminal(done, capsys, monkeypatch):
    page = done.report.read_text(encoding="utf-8")
    assert "mean average precision" in page and "Confusion" not in page and "Exact match" in page
    assert "never" in page and "no image to measure it on" in page
    assert "mAP" in done.picture.read_text(encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["sfumato", "crossval", "--resume", str(done.folder), "--quiet"])
    with pytest.raises(SystemExit) as ended:
        main()
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"{done.summary.mean['map']:.4f} ± {done.summary.std['map']:.4f}" in text
    assert "micro-F1" in text and "exact match" in text and "once, never" in text
    assert "averaged bundle, test part: exact match" in text and "mAP, all-point" in text


def test_nested_folds_are_decided_by_the_run_that_did_not_see_them(nested):
    oof, named, before, after = nested.predictions["oof"], [], [], []
    assert nested.summary.nested and "test" not in nested.predictions
    for run in nested.folds:
        said, policy = run.predictions["test"].known(), sfumato.load(run.bundle, device="cpu").policy
        named.append((policy.apply(said.logits).named == said.there).all(axis=1))
        before.append(log_losses(sigmoid(said.logits.astype(float)), said.there))
        after.append(log_losses(policy.calibrated(said.logits), said.there))
    scores = nested.summary.results["out_of_fold"]["scores"]
    assert scores["accuracy"]["value"] == pytest.approx(np.concatenate(named).mean())
    assert scores["nll_before"]["value"] == pytest.approx(np.concatenate(before).mean())
    assert scores["nll"]["value"] == pytest.approx(np.concatenate(after).mean())
    assert "set_miss" in scores and len(oof.known()) == nested.summary.results["out_of_fold"]["samples"]
    for fold in nested.summary.folds:
        assert {"nll", "brier", "set_miss", "brier_before"} <= fold.scores.keys()
        assert "best" not in fold.scores


def test_folds_are_compared_by_what_each_run_decided(nested):
    answers, named = read_outcome(nested.folder).answers["", "test"], {}
    for run in nested.folds:
        said, policy = run.predictions["test"].known(), sfumato.load(run.bundle, device="cpu").policy
        named |= dict(zip(said.ids, policy.apply(said.logits).named, strict=True))
    assert np.array_equal(answers.said.named, [named[name] for name in answers.ids])
    results = nested.summary.results["out_of_fold"]["scores"]
    found = selection_scores(answers.truth, answers.said.scores, answers.said.named)
    assert found == pytest.approx({name: results[name]["value"] for name in found})


def test_all_folds_are_decided_anew(done, recipe):
    given = {"decision.calibration": "temperature", "decision.misses": 0.3}
    again = sfumato.decide(done.folder, overrides=given, out=recipe.parent / "again", quiet=True)
    policy = json.loads((again.bundle / "policy.json").read_text())
    assert policy["misses"]["alpha"] == 0.3
    assert len(set(policy["calibrator"]["values"])) == 1
    assert policy["calibrator"]["values"][0] == pytest.approx(policy["pooling"]["value"])
    assert again.predictions["oof"].ids == done.predictions["oof"].ids
