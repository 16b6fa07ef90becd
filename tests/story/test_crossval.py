"""A recipe once for each fold: nothing leaks, it goes on where it was killed, and one bundle averages the folds."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import softmax
from tests.pictures import KINDS, folder_per_class, picture, shapes_and_colours

import sfumato
from sfumato.cli import main
from sfumato.comparison.measured import read_outcome
from sfumato.data import pictures
from sfumato.errors import InputError, Interrupted
from sfumato.metrics.calibration import expected_calibration_error
from sfumato.predictions import Predictions
from sfumato.report.page import write_report
from sfumato.run_folder import RunFolder
from sfumato.sealed import MANIFEST
from sfumato.training.step import Learner

RECIPE = """
name: folded
data: {source: SOURCE, split: {test: 0.25}}
model: {backbone: test_efficientnet, weights: none}
train: {epochs: 2, optimizer: {lr: 5e-3}, precision: fp32, workers: 0, checkpoint: {every: 2st}}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 8}
"""
COUNTS = {"disc": 24, "stripes": 18, "checks": 15, "single": 1}
STEPS = 6
"""Of each fold: about 29 pictures in batches of 8, twice."""
SHORT = {"train.epochs": 1, "train.checkpoint.every": "1ep"}
DRIVER = Path(__file__).with_name("killed_in_fold.py")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("folds")
    folder_per_class(root / "photos", COUNTS)
    shutil.copy(root / "photos/disc/003.png", root / "photos/disc/900.png")
    path = root / "recipe.yaml"
    path.write_text(RECIPE.replace("SOURCE", "photos"))
    return path


@pytest.fixture(scope="module")
def done(recipe) -> sfumato.CrossValidation:
    return sfumato.crossval(recipe, folds=3, out=recipe.parent / "done", quiet=True)


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The pictures that are decoded, in turn; not those that a fold's report opens again to show them."""
    found, decode = [], pictures.decode_lean

    def noted(path, least=None):
        found.append(Path(path).name)
        return decode(path, least)

    def unnoted(folder):
        before = len(found)
        path = write_report(folder)
        del found[before:]
        return path

    monkeypatch.setattr(pictures, "decode_lean", noted)
    monkeypatch.setattr("sfumato.concluding.write_report", unnoted)
    return found


def ids(run: sfumato.Run, part: str) -> set[str]:
    return set(RunFolder(run.folder).read_table().part(part).ids)


def test_every_sample_is_held_out_once_by_a_run_that_did_not_see_it(done):
    oof = done.predictions["oof"]
    assert len(done.folds) == 3
    assert len(set(oof.ids)) == len(oof)
    for number, run in enumerate(done.folds):
        mine = {name for name, fold in zip(oof.ids, oof.folds, strict=True) if fold == str(number)}
        assert mine == ids(run, "val")
        assert not mine & ids(run, "train")
    tests = [ids(run, "test") for run in done.folds]
    assert tests[0] == tests[1] == tests[2] == set(done.predictions["test"].ids)
    assert not tests[0] & (set(oof.ids) | set.union(*(ids(run, "train") for run in done.folds)))
    pinned = set.intersection(*(ids(run, "train") for run in done.folds))
    assert pinned == {"single/000.png"}
    assert set(oof.ids) | pinned | tests[0] == set(RunFolder(done.folds[0].folder).read_table().ids)


def test_copies_stand_in_one_fold(done):
    rows = RunFolder(done.folds[0].folder).read_table().rows.filter(pl.col("cluster").is_not_null())
    assert {"disc/003.png", "disc/900.png"} <= set(rows["id"].to_list())
    assert (rows.group_by("cluster").agg(pl.struct("fold", "part").n_unique().alias("n"))["n"] == 1).all()


def test_the_summary_is_that_of_the_folds(done):
    document = json.loads((done.folder / "cv_summary.json").read_text())
    for name in ("loss", "accuracy", "best", "macro_f1", "macro_f1_all"):
        values = [fold["scores"][name] for fold in document["folds"]]
        assert document["mean"][name] == pytest.approx(np.mean(values))
        assert document["std"][name] == pytest.approx(np.std(values, ddof=1))
    for fold, run in zip(document["folds"], done.folds, strict=True):
        val = run.predictions["val"]
        assert fold["scores"]["accuracy"] == pytest.approx((val.logits.argmax(axis=1) == val.truth).mean())
        assert fold["scores"]["best"] == pytest.approx(pl.read_csv(run.folder / "history.csv")["val_accuracy"].max())
        assert (fold["train"], fold["held_out"]) == (len(ids(run, "train")), len(val))
    assert document["unmeasured"] == {"": ["single"]}
    assert set(document["results"]) == {"out_of_fold", "test"}
    assert document["results"]["out_of_fold"]["samples"] == len(done.predictions["oof"])
    assert (done.folder / "cv.svg").read_text().count("<svg") == 1


def test_the_bundle_averages_calibrated_probabilities(done):
    pictures = [picture(kind, 7) for kind in KINDS]
    model = sfumato.load(done.bundle, device="cpu")
    said = model.predict(pictures)
    arrays = [np.array(one) for one in pictures]
    assert model.policy.calibrator.samples == len(done.predictions["oof"])
    each = [sfumato.load(run.bundle, device="cpu").logits(arrays) for run in done.folds]
    mean = np.mean([model.policy.calibrator.probabilities(logits) for logits in each], axis=0)
    names = model.labels.names
    assert np.allclose([[one.probabilities[name] for name in names] for one in said], mean, atol=1e-5)
    assert json.loads((done.bundle / MANIFEST).read_text())["format"] == 2


def test_no_fold_measures_the_test_part(done):
    assert all(list(run.metrics) == ["val"] for run in done.folds)
    page = done.folds[0].report().read_text(encoding="utf-8")
    assert "The test images are left to what is made of all its runs, so these figures are optimistic" in page


def test_the_test_part_is_measured_as_the_bundle_answers(done):
    test = done.predictions["test"]
    paths = [done.folder.parent / "photos" / name for name in test.ids]
    model = sfumato.load(done.bundle, device="cpu")
    found = np.array([[one.probabilities[name] for name in test.labels.names] for one in model.predict(paths)])
    assert np.allclose(found, model.policy.apply(test.logits).probabilities, atol=1e-4)


def test_a_network_that_was_taken_away(done, tmp_path):
    copy = Path(shutil.copytree(done.bundle, tmp_path / "bundle"))
    (copy / "weights-2.safetensors").unlink()
    with pytest.raises(InputError, match=r"weights-2\.safetensors: missing"):
        sfumato.load(copy)


@pytest.mark.slow
def test_all_folds_decode_a_picture_once(recipe, done, decoded):
    again = sfumato.crossval(recipe, folds=3, out=recipe.parent / "again", quiet=True)
    assert len(decoded) == sum(COUNTS.values()) + 1
    same(again.folder, done.folder)


def test_a_resumed_one_decodes_a_picture_once_more(done, tmp_path, decoded):
    out = Path(shutil.copytree(done.folder, tmp_path / "half"))
    for name in ("bundle", "fold-1/bundle", "fold-2"):
        shutil.rmtree(out / name)
    same(sfumato.crossval(resume=out, quiet=True).folder, done.folder)
    assert len(decoded) == sum(COUNTS.values()) + 1


def test_a_finished_one_decodes_nothing(done, decoded):
    sfumato.crossval(resume=done.folder, quiet=True)
    assert not decoded


def test_the_page_of_all_folds(done):
    text = done.report.read_text(encoding="utf-8")
    assert [f'href="fold-{index}/report.html"' in text for index in range(3)] == [True] * 3
    assert f"{done.summary.mean['accuracy']:.4f} ± {done.summary.std['accuracy']:.4f}" in text
    assert "figures out of fold are optimistic" in text
    assert "1 class too rare to be held out" in text
    assert "http" not in text.replace("http-equiv", "")


def test_nested_folds_choose_nothing(recipe):
    out = recipe.parent / "nested"
    found = sfumato.crossval(recipe, overrides=SHORT, folds=3, nested=True, out=out, quiet=True)
    oof = found.predictions["oof"]
    assert set(found.predictions) == {"oof"}
    assert len(set(oof.ids)) == len(oof) == sum(COUNTS.values())  # but for the single one; with the copy
    for number, run in enumerate(found.folds):
        mine = {name for name, fold in zip(oof.ids, oof.folds, strict=True) if fold == str(number)}
        assert mine == ids(run, "test")
        assert ids(run, "val")
        assert not mine & (ids(run, "train") | ids(run, "val"))
        assert {"val", "test"} == set(run.metrics)
    right = [
        float((run.predictions["test"].logits.argmax(1) == run.predictions["test"].truth).mean()) for run in found.folds
    ]
    assert [fold.scores["accuracy"] for fold in found.summary.folds] == pytest.approx(right)
    assert "best" not in found.summary.mean
    result = found.summary.results["out_of_fold"]
    assert result["scores"]["accuracy"]["value"] == pytest.approx((oof.logits.argmax(1) == oof.truth).mean())
    assert found.summary.nested
    assert "chose nothing" in found.summary.note
    shutil.rmtree(out / "bundle")
    again = sfumato.crossval(resume=out, quiet=True)
    assert again.summary == found.summary


def test_nested_decisions_are_those_of_each_run(recipe):
    """As measured by hand: each fold under the policy of its own run."""
    found = sfumato.CrossValidation(recipe.parent / "nested")
    sure = []
    for run in found.folds:
        said = run.predictions["test"]
        sure.append(sfumato.load(run.bundle, device="cpu").policy.apply(said.logits).confidence)
    right = np.concatenate(
        [run.predictions["test"].logits.argmax(1) == run.predictions["test"].truth for run in found.folds]
    )
    error = expected_calibration_error(np.concatenate(sure), right)
    assert found.summary.results["out_of_fold"]["scores"]["ece"]["value"] == pytest.approx(error)


def test_nested_honesty_is_that_of_each_run_before_and_after_its_own_calibration(recipe):
    """All that a single run's part has stands in the summary; log losses by hand, over all folds' samples."""
    found = sfumato.CrossValidation(recipe.parent / "nested")
    scores = found.summary.results["out_of_fold"]["scores"]
    assert set(scores) >= {name for run in found.folds for name in run.metrics["test"]["scores"]}
    before, after = [], []
    for run in found.folds:
        said, policy = run.predictions["test"], sfumato.load(run.bundle, device="cpu").policy
        own = np.arange(len(said)), said.truth
        before += (-np.log(softmax(said.logits.astype(float), axis=1)[own])).tolist()
        after += (-np.log(policy.calibrated(said.logits)[own])).tolist()
    assert scores["nll_before"]["value"] == pytest.approx(np.mean(before))
    assert scores["nll"]["value"] == pytest.approx(np.mean(after))
    assert scores["nll_change"]["value"] == pytest.approx(np.mean(after) - np.mean(before))


def test_every_fold_has_the_honesty_that_it_had_no_part_in(recipe, done):
    """Nested before and after calibration; else only before, for the fold itself fitted what came after."""
    nested = sfumato.CrossValidation(recipe.parent / "nested")
    for fold, run in zip(nested.summary.folds, nested.folds, strict=True):
        measured = {name: one["value"] for name, one in run.metrics["test"]["scores"].items()}
        for name in ("nll", "ece", "ece_before", "brier", "brier_before", "aurc"):
            assert fold.scores[name] == measured[name]
    assert nested.summary.mean["ece"] == pytest.approx(np.mean([fold.scores["ece"] for fold in nested.summary.folds]))
    assert {"ece_before", "brier_before"} <= done.summary.mean.keys()
    assert not {"ece", "nll", "brier"} & done.summary.mean.keys()


def test_nested_folds_are_compared_by_what_each_run_decided(recipe, tmp_path):
    """The bundle's policy was fitted on the very samples that are compared: whatever it says, nothing changes."""
    copy = Path(shutil.copytree(recipe.parent / "nested", tmp_path / "copy"))
    policy = json.loads((copy / "bundle/policy.json").read_text())
    classes = len(Predictions.read(copy / "predictions/oof.parquet").labels)
    policy["adjustment"] = {"tau": 50.0, "priors": [0.9, *[0.05] * (classes - 1)], "objective": None}
    (copy / "bundle/policy.json").write_text(json.dumps(policy))
    first, second = (read_outcome(folder).answers["", "test"] for folder in (recipe.parent / "nested", copy))
    assert np.array_equal(first.said, second.said)
    assert np.mean(second.said == second.truth) == pytest.approx(second.scores["accuracy"].value)


@pytest.mark.slow
def test_nested_folds_answer_in_their_own_views(recipe, tmp_path):
    given = {**SHORT, "views": {"flips": ["horizontal"], "use": "always"}}
    found = sfumato.crossval(recipe, overrides=given, folds=2, nested=True, out=tmp_path / "cv", quiet=True)
    oof = found.predictions["oof"]
    each = {name: row for one in found.folds for name, row in zip(*_answers(one), strict=True)}
    assert np.array_equal(oof.logits, [each[name] for name in oof.ids])
    assert json.loads((found.bundle / MANIFEST).read_text())["format"] > 1
    assert len(sfumato.load(found.bundle, device="cpu").predict([picture("disc", 1)])) == 1


def _answers(one: sfumato.Run) -> tuple[tuple[str, ...], np.ndarray]:
    return one.predictions["test"].ids, one.predictions["test"].logits


def same(one: Path, other: Path) -> None:
    assert pl.read_parquet(one / "predictions/oof.parquet").equals(pl.read_parquet(other / "predictions/oof.parquet"))
    for index in range(3):
        name = f"bundle/weights-{index}.safetensors"
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert (one / "cv_summary.json").read_text() == (other / "cv_summary.json").read_text()


def test_killed_in_a_fold_it_goes_on_there(recipe, done):
    out = recipe.parent / "killed"
    command = [sys.executable, str(DRIVER), str(recipe), str(out), str(STEPS + 5)]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [(out / f"fold-{index}/bundle").exists() for index in range(3)] == [True, False, False]
    assert (out / "fold-1/checkpoints/last").exists()
    assert not (out / "fold-2").exists()
    first = (out / "fold-0/bundle" / MANIFEST).stat()
    again = sfumato.crossval(resume=out, quiet=True)
    assert (out / "fold-0/bundle" / MANIFEST).stat().st_mtime_ns == first.st_mtime_ns
    same(again.folder, done.folder)


def test_a_signal_says_how_to_go_on_with_all_folds(recipe, done, monkeypatch):
    out, take_step, taken = recipe.parent / "stopped", Learner.step, 0

    def step(self, *given):
        nonlocal taken
        taken += 1
        if taken == STEPS + 3:
            signal.raise_signal(signal.SIGTERM)
        return take_step(self, *given)

    monkeypatch.setattr(Learner, "step", step)
    with pytest.raises(Interrupted, match=f"go on with: sfumato crossval --resume {out}$"):
        sfumato.crossval(recipe, folds=3, out=out, quiet=True)
    same(sfumato.crossval(resume=out, quiet=True).folder, done.folder)


def test_a_fold_killed_before_it_could_go_on_is_begun_anew(done, tmp_path):
    out = Path(shutil.copytree(done.folder, tmp_path / "half"))
    shutil.rmtree(out / "bundle")
    for path in (out / "fold-2").iterdir():
        if path.name != "recipe.yaml":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    same(sfumato.crossval(resume=out, quiet=True).folder, done.folder)


def test_the_command_line(done, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sfumato", "crossval", "--resume", str(done.folder), "--quiet"])
    with pytest.raises(SystemExit) as stop:
        main()
    text = capsys.readouterr().out
    assert stop.value.code == 0
    assert f"{done.summary.mean['accuracy']:.4f} ± {done.summary.std['accuracy']:.4f}" in text
    assert "unmeasured, too rare to be held out: single" in text
    assert "figures out of fold are optimistic" in text
    assert "averaged bundle, test part: accuracy" in text


def test_folds_of_the_data(tmp_path):
    folder_per_class(tmp_path / "photos", {"disc": 12, "stripes": 12})
    lines = [
        f"photos/{kind}/{i:03}.png,{kind},{'north' if i % 2 else 'south'}"
        for kind in ("disc", "stripes")
        for i in range(12)
    ]
    (tmp_path / "table.csv").write_text("image,label,site\n" + "\n".join(lines) + "\n")
    text = RECIPE.replace("SOURCE", "table.csv, columns: {fold: site}").replace("test: 0.25", "test: 0")
    (tmp_path / "recipe.yaml").write_text(text)
    found = sfumato.crossval(tmp_path / "recipe.yaml", overrides=SHORT, out=tmp_path / "cv", quiet=True)
    oof = found.predictions["oof"]
    assert sorted(set(oof.folds)) == ["north", "south"]
    assert len(oof) == 24
    assert "test" not in found.predictions
    assert [fold.fold for fold in found.summary.folds] == ["north", "south"]


@pytest.mark.slow
def test_several_questions(tmp_path):
    shapes_and_colours(tmp_path, 48)
    text = RECIPE.replace("SOURCE", "table.csv, columns: {label: [shape, colour]}")
    (tmp_path / "recipe.yaml").write_text(text)
    found = sfumato.crossval(tmp_path / "recipe.yaml", overrides=SHORT, folds=2, out=tmp_path / "cv", quiet=True)
    assert set(found.predictions) == {"oof.shape", "oof.colour", "test.shape", "test.colour"}
    assert {"accuracy.shape", "best.colour"} <= found.summary.mean.keys()
    decision = sfumato.load(found.bundle, device="cpu").predict([picture("disc", 1)])[0]
    assert set(decision.answers) == {"shape", "colour"}
    assert sum(decision.answers["shape"].probabilities.values()) == pytest.approx(1)


def test_folds_by_time(tmp_path):
    folder_per_class(tmp_path / "photos", {"disc": 16, "stripes": 16})
    lines = [f"photos/{kind}/{i:03}.png,{kind},2024-01-{i + 1:02}" for kind in ("disc", "stripes") for i in range(16)]
    (tmp_path / "table.csv").write_text("image,label,date\n" + "\n".join(lines) + "\n")
    text = RECIPE.replace("SOURCE", "table.csv, columns: {time: date}").replace("test: 0.25", "test: 0.2, by: time")
    (tmp_path / "recipe.yaml").write_text(text)
    found = sfumato.crossval(tmp_path / "recipe.yaml", overrides=SHORT, folds=2, out=tmp_path / "cv", quiet=True)
    times = [RunFolder(run.folder).read_table() for run in found.folds]
    for table in times:
        assert table.part("train").rows["time"].max() < table.part("val").rows["time"].min()
    assert len(found.predictions["oof"]) == sum(len(table.part("val")) for table in times)


WRONG = {
    "one fold": ({"folds": 1}, r"^--folds 1; expected a number from 2 to 100, auto \(5\) or given$"),
    "no number": ({"folds": "many"}, r"^--folds many; expected"),
    "a fold in the recipe": (
        {"overrides": {"data.split.folds": 5, "data.split.fold": 0}},
        "data.split.fold: is for a single run, and cross-validation holds each fold out once; leave it out",
    ),
    "what a fold is for, in the recipe": (
        {"overrides": {"data.split.fold_part": "test"}},
        r"is for a single run.*\(--set data.split.fold_part=val\); --nested says what a fold is for$",
    ),
    "no fold column": ({"folds": "given"}, "no fold column in the data; expected a column with two folds or more"),
    "no recipe": ({"recipe": None}, "^no recipe; expected"),
    "resume and more": ({"recipe": None, "resume": "x", "folds": 3}, "goes on with its own recipe and folds"),
    "resume of nothing": ({"recipe": None, "resume": "nothing"}, "nothing: no cross-validation there"),
    "a wrong setting": ({"overrides": {"train.epoch": 3}}, "train.epoch"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line_and_leaves_nothing(name, recipe, tmp_path):
    given, message = WRONG[name]
    given = {"recipe": recipe, "out": None if "resume" in given else tmp_path / "new" / "cv", **given}
    with pytest.raises(InputError, match=message) as caught:
        sfumato.crossval(given.pop("recipe"), quiet=True, **given)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_what_only_the_first_fold_finds_leaves_nothing_either(tmp_path):
    folder_per_class(tmp_path / "photos", {"disc": 8, "stripes": 8})
    text = RECIPE.replace("SOURCE", "photos").replace("image_size: 32", "image_size: 32, learn: {nobody: 1}")
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(InputError, match=r"recipe\.yaml:7"):
        sfumato.crossval(tmp_path / "recipe.yaml", folds=2, out=tmp_path / "cv", quiet=True)
    assert not (tmp_path / "cv").exists()


def test_a_val_part_of_the_data_is_in_no_fold(tmp_path):
    for part in ("train", "val"):
        folder_per_class(tmp_path / "photos" / part, {"disc": 4, "stripes": 4})
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("SOURCE", "photos"))
    with pytest.raises(InputError, match="the data gives its own val part, which would stand in no fold"):
        sfumato.crossval(tmp_path / "recipe.yaml", out=tmp_path / "cv", quiet=True)


def test_the_table_of_all_folds_is_read_as_any_other(done):
    table = Predictions.read(done.folder / "predictions/oof.parquet")
    assert set(pl.read_parquet(done.folder / "predictions/oof.parquet")["fold"].to_list()) == {"0", "1", "2"}
    assert table.folds == done.predictions["oof"].folds
