"""A soup of finished runs: chosen on what none of them trained on, measured on what chose nothing, one network."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import timm
import torch
from tests.pictures import folder_per_class
from typer.testing import CliRunner

import sfumato
from sfumato.bundle.folder import read_bundle
from sfumato.cli import app
from sfumato.errors import InputError, RunError
from sfumato.metrics.classification import answer_counts, macro_f1
from sfumato.predictions import Predictions
from sfumato.run_folder import RunFolder
from sfumato.soups import making
from sfumato.soups.ingredients import read_ingredients
from sfumato.tensor_file import write_tensors

RECIPE = """
name: souped
data: {source: photos, split: {val: 0.25, test: 0.25}}
model: {backbone: test_efficientnet, weights: {file: start.safetensors}}
augment: {flips: [horizontal]}
train: {epochs: 2, optimizer: {lr: 4e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 16}
"""
COUNTS = {"disc": 26, "stripes": 22, "checks": 18}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("soup")
    folder_per_class(root / "photos", COUNTS)
    torch.manual_seed(0)
    start = timm.create_model("test_efficientnet", num_classes=0)
    write_tensors(root / "start.safetensors", start.state_dict())
    (root / "recipe.yaml").write_text(RECIPE)
    return root / "recipe.yaml"


@pytest.fixture(scope="module")
def runs(recipe) -> list[Path]:
    rates = {"a": 4e-3, "b": 2e-3, "c": 5e-2}
    for seed, (name, rate) in enumerate(rates.items()):
        changes = {"train.seed": seed, "train.optimizer.lr": rate}
        sfumato.train(recipe, overrides=changes, out=recipe.parent / name, quiet=True)
    return [recipe.parent / name for name in rates]


@pytest.fixture(scope="module")
def folds(recipe) -> Path:
    changes = {"train.epochs": 1, "train.checkpoint.every": "1ep"}
    return sfumato.crossval(recipe, overrides=changes, folds=2, out=recipe.parent / "cv", quiet=True).folder


@pytest.fixture(scope="module")
def made(runs) -> sfumato.RunSoup:
    return sfumato.soup(runs, out=runs[0].parent / "soup", quiet=True)


def part(run: Path, name: str) -> set[str]:
    return set(RunFolder(run).read_table().part(name).ids)


def test_it_is_chosen_on_the_common_val_part_and_measured_on_the_common_test_part(runs, made):
    assert set(Predictions.read(made.folder / "predictions/val.parquet").ids) == part(runs[0], "val")
    assert set(Predictions.read(made.folder / "predictions/test.parquet").ids) == part(runs[0], "test")
    assert set(made.metrics) == {"test"}
    assert made.metrics["test"]["samples"] == len(part(runs[0], "test")) == made.story["tested_on"]
    assert made.story["selection"]["samples"] == len(part(runs[0], "val"))
    assert "val" not in read_bundle(made.bundle).results


def test_the_story_says_what_was_tried(runs, made):
    story = made.story
    assert story["kind"] == "greedy"
    assert {step["run"] for step in story["steps"]} == set(map(str, runs))
    assert story["runs"] == [step["run"] for step in story["steps"] if step["taken"]]
    best = 0.0
    for step in story["steps"]:
        assert step["taken"] == (step["score"] >= best)
        best = max(best, step["score"])
    assert story["selection"]["reached"] == best
    said = Predictions.read(made.folder / "predictions/val.parquet")
    alone = [json.loads((run / "metrics.json").read_text())["val"]["scores"]["macro_f1"]["value"] for run in runs]
    assert story["steps"][0]["score"] == pytest.approx(max(alone), abs=1e-6)
    tally = answer_counts(said.truth, said.logits.argmax(axis=1), 3)
    assert float(macro_f1(tally)) == pytest.approx(best, abs=1e-6)


def test_a_uniform_soup_is_the_mean_and_its_bundle_one_network(runs):
    made = sfumato.soup(runs, uniform=True, out=runs[0].parent / "uniform", quiet=True)
    bundles = [read_bundle(run / "bundle") for run in runs]
    (weights,) = read_bundle(made.bundle).members
    for name, tensor in weights.items():
        mean = np.mean([one.members[0][name].double().numpy() for one in bundles], axis=0)
        if "running" not in name and tensor.is_floating_point():
            assert np.array_equal(tensor.numpy(), mean.astype(np.float32)), name
        elif "running_mean" in name:
            assert not np.allclose(tensor.numpy(), mean), name  # of its own, over the training part
    assert json.loads((made.bundle / "manifest.json").read_text())["format"] == 1
    assert made.story["steps"] == []
    decisions = sfumato.load(made.bundle).predict([RunFolder(runs[0]).read_table().first_images[0]])
    assert decisions[0].label in COUNTS


def test_a_run_and_its_copy_make_that_run(runs, tmp_path):
    shutil.copytree(runs[0], tmp_path / "again")
    made = sfumato.soup([runs[0], tmp_path / "again"], out=tmp_path / "same", quiet=True)
    assert [step["taken"] for step in made.story["steps"]] == [True, True]
    mine, theirs = (read_bundle(folder / "bundle") for folder in (runs[0], made.folder))
    assert all(torch.equal(mine.members[0][name], tensor) for name, tensor in theirs.members[0].items())
    assert mine.policy == theirs.policy


def test_folds_have_nothing_in_common_that_could_choose(folds, tmp_path):
    with pytest.raises(InputError) as caught:
        sfumato.soup([folds], out=tmp_path / "no", quiet=True)
    assert str(caught.value) == (
        "no sample can choose: none stands in the val part of every run, and what one held out, others trained on; "
        "expected --choose-on with labelled samples that no run trained on, or --uniform to take all runs unchosen"
    )
    assert not (tmp_path / "no").exists()


def test_folds_without_choice(folds, tmp_path):
    made = sfumato.soup([folds], uniform=True, out=tmp_path / "folds", quiet=True)
    assert made.story["runs"] == [str(folds / "fold-0"), str(folds / "fold-1")]
    assert made.story["selection"] is None
    assert made.metrics["test"]["samples"] == len(part(folds / "fold-0", "test"))
    assert read_bundle(made.bundle).policy["temperature"]["samples"] == 0


def test_folds_chosen_on_other_samples(folds, tmp_path):
    """Their common test part is such samples; then nothing is left to measure on. Of others all of it is."""
    table = RunFolder(folds / "fold-0").read_table().part("test")
    rows = pl.DataFrame({"image": table.first_images, "label": table.rows["label"]})
    rows.write_csv(tmp_path / "test.csv")
    made = sfumato.soup([folds], choose_on=tmp_path / "test.csv", out=tmp_path / "chosen", quiet=True)
    assert made.story["selection"]["samples"] == len(rows)
    assert made.story["tested_on"] == 0
    assert made.metrics == {}
    (tmp_path / "new").mkdir()
    fresh = folder_per_class(tmp_path / "new/photos", {"disc": 6, "stripes": 5}, size=40)
    made = sfumato.soup([folds], choose_on=fresh, out=tmp_path / "fresh", quiet=True)
    assert (made.story["selection"]["samples"], made.story["tested_on"]) == (11, len(rows))


def test_samples_that_were_trained_on_can_not_choose(folds, recipe, tmp_path):
    with pytest.raises(InputError, match=r"were trained on, such as '.*'; expected samples that no run trained on"):
        sfumato.soup([folds], choose_on=recipe.parent / "photos", out=tmp_path / "no", quiet=True)
    copies = shutil.copytree(recipe.parent / "photos", tmp_path / "renamed")
    for path in list(copies.rglob("*.png")):
        path.rename(path.with_name(f"copy-{path.name}"))
    with pytest.raises(InputError, match="were trained on"):
        sfumato.soup([folds], choose_on=copies, out=tmp_path / "no", quiet=True)


def test_classes_that_the_runs_do_not_know(folds, tmp_path):
    folder_per_class(tmp_path / "photos", {"disc": 2, "strips": 2})
    with pytest.raises(InputError, match=r"class 'strips', which the runs do not know; did you mean 'stripes'\?"):
        sfumato.soup([folds], choose_on=tmp_path / "photos", out=tmp_path / "no", quiet=True)


def test_the_weights_of_many_runs_are_not_held_together(runs):
    ingredients = read_ingredients(runs)
    assert [one.bundle.members for one in ingredients] == [()] * 3
    assert all(
        one.weights.keys() == read_bundle(run / "bundle").members[0].keys()
        for one, run in zip(ingredients, runs, strict=True)
    )


def test_a_soup_that_fails_at_its_end_leaves_nothing(runs, tmp_path, monkeypatch):
    def full(*_):
        raise RunError("the disk is full")

    monkeypatch.setattr(making, "write_soup_bundle", full)
    with pytest.raises(RunError, match="the disk is full"):
        sfumato.soup(runs[:2], out=tmp_path / "half", quiet=True)
    assert not (tmp_path / "half").exists()


def test_other_makes_and_doubles_are_refused(runs, recipe, tmp_path):
    with pytest.raises(InputError, match="named twice; expected every run once"):
        sfumato.soup([runs[0], runs[1], runs[0]], out=tmp_path / "no")
    with pytest.raises(InputError, match="a soup of one run is that run"):
        sfumato.soup([runs[0]], out=tmp_path / "no")
    with pytest.raises(InputError, match="no run there"):
        sfumato.soup([runs[0], tmp_path], out=tmp_path / "no")
    other = {"model.head.kind": "cosine", "train.epochs": 1, "train.checkpoint.every": "1ep"}
    sfumato.train(recipe, overrides=other, out=tmp_path / "cosine", quiet=True)
    with pytest.raises(InputError, match="another head; expected runs of one make"):
        sfumato.soup([runs[0], tmp_path / "cosine"], out=tmp_path / "no")
    shutil.rmtree(tmp_path / "cosine/bundle")
    with pytest.raises(
        InputError, match="this run is not finished; expected one with a bundle; sfumato train --resume"
    ):
        sfumato.soup([runs[0], tmp_path / "cosine"], out=tmp_path / "no")


def test_the_verb(runs, tmp_path):
    arguments = ["soup", *map(str, runs), "--out", str(tmp_path / "verb"), "--quiet"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "samples that choose, the val part of every run: no result" in done.output
    assert done.output.rstrip().endswith(f"bundle  {tmp_path / 'verb/bundle'}")
    arguments = [*arguments[:-2], str(tmp_path / "json"), "--uniform", "--quiet", "--json"]
    document = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert document["soup"]["kind"] == "uniform"
    assert set(document) == {"folder", "bundle", "soup", "metrics"}
