"""Pictures looked at in several views: chosen on validation, averaged by run, bundle and cross-validation alike."""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.pictures import KINDS, folder_per_class, shapes_and_colours

import sfumato
from sfumato.bundle import folder as bundle_folder
from sfumato.cli import main
from sfumato.decision.averaging import averaged
from sfumato.errors import InputError
from sfumato.folds.folder import CrossvalFolder
from sfumato.run_folder import RunFolder
from sfumato.sealed import MANIFEST
from sfumato.view_tables import read_view_table

RECIPE = """
name: viewed
data: {source: photos, split: {val: 0.3, test: 0.25, near_duplicates: ignored}}
model: {backbone: test_efficientnet, weights: none}
views: {flips: [horizontal], scales: [0.8, 1.2], crops: five, sizes: [40], use: always}
train: {epochs: 2, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 16}
"""
NAMES = [
    "plain",
    "horizontal",
    "x0.8",
    "x1.2",
    "top_left",
    "top_right",
    "bottom_left",
    "bottom_right",
    "middle",
    "40px",
]
FEW = {"views.scales": [], "views.crops": None, "views.sizes": []}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("views")
    folder_per_class(root / "photos", dict.fromkeys(KINDS, 34))
    (root / "recipe.yaml").write_text(RECIPE)
    return root / "recipe.yaml"


@pytest.fixture(scope="module")
def run(recipe) -> sfumato.Run:
    return sfumato.train(recipe, out=recipe.parent / "run", quiet=True)


def probabilities(model, paths) -> np.ndarray:
    names = model.labels.names
    return np.array([[said.probabilities[name] for name in names] for said in model.predict(paths)])


def test_the_bundle_answers_as_the_tables_say(run, recipe):
    for part in ("val", "test"):
        said = run.predictions[part]
        model = sfumato.load(run.bundle, device="cpu")
        found = probabilities(model, [recipe.parent / "photos" / name for name in said.ids])
        assert np.allclose(found, model.policy.apply(said.logits).probabilities, atol=1e-4)
        each = read_view_table(RunFolder(run.folder).view_predictions(part), said)
        assert list(each) == NAMES
        mean = np.mean([model.policy.apply(one.logits).probabilities for one in each.values()], axis=0)
        assert np.allclose(found, mean, atol=1e-4)


def test_one_picture_alone_answers_as_among_others(run, recipe):
    paths = sorted((recipe.parent / "photos").rglob("*.png"))[::20]
    model = sfumato.load(run.bundle, device="cpu")
    assert np.allclose(probabilities(model, paths[:1])[0], probabilities(model, paths)[0], atol=1e-5)


def test_the_bundle_says_what_it_does_and_older_programs_refuse_it(run, monkeypatch):
    manifest = json.loads((run.bundle / MANIFEST).read_text())
    assert manifest["format"] == bundle_folder.VIEWED
    assert len(json.loads((run.bundle / "views.json").read_text())["views"]) == len(NAMES)
    monkeypatch.setattr(bundle_folder, "FORMAT", 2)
    with pytest.raises(InputError, match=f"bundle format {bundle_folder.VIEWED}, written by"):
        sfumato.load(run.bundle)


def test_without_views_nothing_changes(recipe, small_run):
    assert json.loads((small_run.bundle / MANIFEST).read_text())["format"] == 1
    assert not (small_run.bundle / "views.json").exists()
    assert not list((small_run.folder / "predictions").glob("*views*"))


def test_validation_chooses_and_says_why(recipe, capfd):
    done = sfumato.train(recipe, overrides={"views.use": "if_better"}, out=recipe.parent / "chosen")
    document = json.loads((done.folder / "views.json").read_text())
    tried = {one["name"]: one for one in document["tried"]}
    assert list(tried) == ["plain", "flips", "sizes", "scales", "crops", "all"]
    assert [len(one["views"]) for one in tried.values()] == [1, 2, 2, 3, 6, 10]
    taken = [name for name, one in tried.items() if one["taken"]][-1]
    assert document["views"] == tried[taken]["views"]
    assert f"views: {', '.join(document['views'])}; {document['reason']}" in " ".join(capfd.readouterr().err.split())
    inside = done.bundle / "views.json"
    kept = len(json.loads(inside.read_text())["views"]) if inside.exists() else 1
    assert kept == len(document["views"])
    tables = RunFolder(done.folder)
    assert pl.read_parquet(tables.view_predictions("val"))["view"].n_unique() == len(NAMES)
    assert tables.view_predictions("test").exists() == (kept > 1)  # what is not used is not looked at there
    page = done.report().read_text(encoding="utf-8")
    assert "<h2>Views</h2>" in page
    assert document["reason"] in page


def test_folds_choose_together_and_their_bundle_looks_alike(recipe):
    done = sfumato.crossval(recipe, overrides=FEW, folds=2, out=recipe.parent / "folds", quiet=True)
    model = sfumato.load(done.bundle, device="cpu")
    test = done.predictions["test"]
    found = probabilities(model, [recipe.parent / "photos" / name for name in test.ids])
    assert np.allclose(found, model.policy.apply(test.logits).probabilities, atol=1e-4)
    each = [
        table.logits
        for fold in done.folds
        for table in read_view_table(RunFolder(fold.folder).view_predictions("test"), fold.predictions["test"]).values()
    ]
    assert len(each) == 2 * 2
    assert np.allclose(test.logits, averaged(np.stack(each), model.policy), atol=1e-5)
    assert not (done.folds[0].bundle / "views.json").exists()  # a fold's own run leaves the choice to all
    oof, held = done.predictions["oof"], done.folds[0].predictions["val"]
    views = read_view_table(RunFolder(done.folds[0].folder).view_predictions("val"), held)
    own = averaged(np.stack([table.logits for table in views.values()]), model.policy)
    assert np.allclose(oof.logits[: len(held)], own, atol=1e-5)
    assert model.policy.calibrator.samples == len(oof)


@pytest.mark.slow
def test_folds_that_leave_it_to_validation(recipe, capfd):
    settings = {**FEW, "views.use": "if_better", "train.epochs": 1}
    done = sfumato.crossval(recipe, overrides=settings, folds=2, out=recipe.parent / "chosen-folds")
    document = json.loads(CrossvalFolder(done.folder).views.read_text())
    assert document["reason"] in " ".join(capfd.readouterr().err.split())
    assert document["samples"] == len(done.predictions["oof"])
    assert [one["name"] for one in document["tried"]] == ["plain", "flips"]
    assert (done.bundle / "views.json").exists() == (len(document["views"]) > 1)
    assert not any((run.folder / "views.json").exists() for run in done.folds)


@pytest.mark.slow
def test_several_tasks_share_their_views(tmp_path):
    shapes_and_colours(tmp_path, 80)
    settings = {
        "data": {
            "source": str(tmp_path / "table.csv"),
            "columns": {"label": ["shape", "colour"]},
            "split": {"val": 0.3, "test": 0.25, "near_duplicates": "ignored"},
        },
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "views": {"flips": ["horizontal", "vertical"], "use": "always"},
        "train": {"epochs": 1, "precision": "fp32", "workers": 0},
        "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 16}],
    }
    done = sfumato.train(settings, out=tmp_path / "run", quiet=True)
    model = sfumato.load(done.bundle, device="cpu")
    for task in ("shape", "colour"):
        said = done.predictions[f"test.{task}"]
        wanted = model.policies[task].apply(said.logits).probabilities
        answers = [one.answers[task] for one in model.predict([tmp_path / name for name in said.ids])]
        found = [[one.probabilities[name] for name in said.labels.names] for one in answers]
        assert np.allclose(found, wanted, atol=1e-4)
        assert RunFolder(done.folder).view_predictions("val", task).is_file()
    chosen = sfumato.train(settings, overrides={"views.use": "if_better"}, out=tmp_path / "chosen", quiet=True)
    assert [one["name"] for one in json.loads((chosen.folder / "views.json").read_text())["tried"]] == [
        "plain",
        "flips",
    ]


def test_a_size_that_is_no_multiple_of_the_patch(recipe):
    settings = {"views.sizes": [40], "model.backbone": "vit_tiny_patch16_224"}
    with pytest.raises(InputError) as caught:
        sfumato.train(recipe, overrides=settings, out=recipe.parent / "vit", quiet=True)
    assert "views.sizes: vit_tiny_patch16_224 can't take images of 40 px: " in str(caught.value)
    assert "; expected 32 px or 48 px" in str(caught.value)
    assert not (recipe.parent / "vit").exists()


def test_the_plan_says_it_before_anything_is_trained(recipe, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sfumato", "plan", str(recipe), "--set", "views.sizes=[32]"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert "views.sizes: has no effect: 32px at 32 px is the plain view; leave it out" in capsys.readouterr().err
