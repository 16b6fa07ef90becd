"""Runs and recipes for images of any number of classes, ranked on the same samples."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.pictures import marks

import sfumato
from sfumato.cli import main
from sfumato.errors import InputError
from sfumato.metrics.paired import mcnemar_of
from sfumato.metrics.paired_labels import LabelAnswers, label_difference
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.run_folder import RunFolder

RECIPE = """
name: one
data: {source: table.csv, columns: {label: marks}, split: {val: 0.3, test: 0.4}}
model: {backbone: test_efficientnet, weights: none}
train: {epochs: 1, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 16}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Three runs that see the truth more or less well, as their tables say, each decided by its own thresholds."""
    root = tmp_path_factory.mktemp("label-compare")
    marks(root, 120, 32)
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    first = sfumato.train(root / "recipe.yaml", out=root / "first", quiet=True)
    for name, strength in (("weak", 1.0), ("strong", 3.0), ("like", 1.0)):
        _seeing(first, strength, root / f"{name}-seen", name)
        sfumato.decide(root / f"{name}-seen", out=root / name, quiet=True)
    return root


def _seeing(run: sfumato.Run, strength: float, folder: Path, name: str) -> None:
    shutil.copytree(run.folder, folder)
    for path in (folder / "predictions").glob("*.parquet"):
        table, rng = MultilabelPredictions.read(path), np.random.default_rng([len(name), *name.encode()])
        logits = strength * table.there + rng.normal(size=table.logits.shape)
        replace(table, logits=logits.astype(np.float32)).write(path)


@pytest.fixture(scope="module")
def done(root) -> sfumato.Comparison:
    return sfumato.compare([root / "weak", root / "strong", root / "like"], out=root / "done", quiet=True)


def answers(root: Path, name: str) -> tuple[MultilabelPredictions, LabelAnswers]:
    table = MultilabelPredictions.read(root / name / "predictions/test.parquet").known()
    said = sfumato.load(root / name, device="cpu").policy.apply(table.logits)
    return table, LabelAnswers(said.probabilities, said.named)


def test_they_are_ranked_by_mean_average_precision_with_paired_intervals(root, done):
    (found,) = done.standings
    assert found.by == "map" and found.multilabel and found.part == "test"
    assert found.rows[0].name == "strong"
    table, best = answers(root, "strong")
    for row in found.rows[1:]:
        _, own = answers(root, row.name)
        assert row.against.difference == label_difference(table.truth, own, best, "map")
        right = [(one.named == table.there).all(axis=1) for one in (own, best)]
        assert row.against.mcnemar == mcnemar_of(*right)
        assert row.against.told_apart
    for row in found.rows:
        scores = json.loads((root / row.name / "metrics.json").read_text())["test"]["scores"]
        assert {name: one.value for name, one in row.scores.items()} == {
            name: scores[name]["value"] for name in ("map", "macro_f1", "micro_f1", "accuracy")
        }
        assert row.selection.keys() == row.scores.keys()


def test_table_and_page(done):
    rows = pl.read_csv(done.table)
    assert {"map", "map_low", "macro_f1", "micro_f1", "accuracy", "map_difference", "val_map"} <= set(rows.columns)
    assert "balanced_accuracy" not in rows.columns
    page = done.page.read_text(encoding="utf-8")
    assert "mAP" in page and "McNemar&#39;s test knows exact match alone" in page
    assert "mAP and macro-F1 with their intervals" in page


def test_ranked_anew_by_exact_match_it_is_mcnemars_test_that_tells(root, done, monkeypatch, capsys):
    argv = ["sfumato", "compare", "--resume", str(done.folder), "--by", "accuracy", "--quiet"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as ended:
        main()
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert "by exact match, test part" in text and "mAP, 95 %" in text and "val mAP" in text
    assert "Told apart by McNemar's exact test, Holm-corrected" in text


@pytest.mark.slow
def test_a_recipe_is_trained_and_compared(root):
    found = sfumato.compare([root / "recipe.yaml", root / "strong"], out=root / "trained", quiet=True)
    assert not found.failed
    assert [row.name for row in found.standings[0].rows] == ["strong", "recipe"]
    trained = RunFolder(found.folder / "runs" / "recipe").load_recipe().recipe
    assert (trained.train.select, trained.decision.calibration) == ("map", "platt")  # as when it is trained alone


@pytest.mark.slow
def test_a_sweep_chooses_by_mean_average_precision(root, capsys, monkeypatch):
    (root / "space.yaml").write_text("train.optimizer.lr: {low: 1e-3, high: 1e-2}\n", encoding="utf-8")
    argv = ["sfumato", "sweep", str(root / "recipe.yaml"), "--space", str(root / "space.yaml"), "--trials", "1"]
    monkeypatch.setattr(sys, "argv", [*argv, "--out", str(root / "sweep"), "--quiet"])
    with pytest.raises(SystemExit) as ended:
        main()
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert "the best by mAP, all-point on validation" in text and "measured once: mAP, all-point" in text
    assert "val_map" in pl.read_csv(root / "sweep" / "sweep.csv").columns


def _refused(sources, **given) -> str:
    with pytest.raises(InputError) as caught:
        sfumato.compare(sources, quiet=True, **given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_scores_of_one_class_an_image_are_refused_before_anything_is_trained(root, tmp_path):
    said = _refused([root / "recipe.yaml", root / "weak"], by="balanced_accuracy", out=tmp_path / "x")
    assert said == (
        "--by: balanced_accuracy, and an image may be of several classes here; "
        "expected accuracy, macro_f1, micro_f1, map"
    )
    assert not (tmp_path / "x").exists()
    assert _refused([root / "weak", root / "like"], by="best").startswith("--by best; expected accuracy")


def test_a_run_of_one_class_an_image_is_not_compared_with_one_of_several(root, tmp_path):
    lines = (root / "table.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split(",")[0] + "," + ("red", "green")[i % 2] for i, line in enumerate(lines[1:])]
    (root / "one.csv").write_text("\n".join(["image,marks", *rows]) + "\n", encoding="utf-8")
    other = {"data.source": str(root / "one.csv")}
    single = sfumato.train(root / "recipe.yaml", overrides=other, out=tmp_path / "single", quiet=True)
    said = _refused([root / "weak", single.folder])
    assert "single can't be compared with weak: one class an image, not several classes an image" in said
    given = _refused([root / "recipe.yaml", single.folder], by="map", out=tmp_path / "x")
    assert "--by: map, and an image is of one class here" in given
