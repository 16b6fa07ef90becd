"""A small network learns from a finished bundle: asked once, gone on with without it, bundled, and told side by side."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file
from tests.pictures import folder_per_class

import sfumato
from sfumato.bundle.folder import read_bundle
from sfumato.data.images import decode
from sfumato.data.loading import Request, Samples
from sfumato.errors import InputError
from sfumato.recipe.load import load_recipe
from sfumato.report.summary import summary
from sfumato.run_folder import RunFolder
from sfumato.teaching import answers
from sfumato.teaching.teacher import network_of
from sfumato.training import feed

RECIPE = """
name: pupil
data: {source: photos, split: {val: 0.2, test: 0.2}}
model: {backbone: test_efficientnet, weights: none}
train: {epochs: 4, optimizer: {lr: 5e-3}, precision: fp32, workers: 0, checkpoint: {every: 2st}}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 8}
"""
COUNTS = {"disc": 22, "stripes": 18, "checks": 14}
VIEWS = {"augment.views": 2, "train.distill.sees": "views"}
HINTS = {"train.distill.features": 0.1, "train.distill.temperature": 4}
TENSORS = ("bundle/weights", "checkpoints/last/model", "checkpoints/last/optimizer", "checkpoints/best/model")
DRIVER = Path(__file__).with_name("killed_at.py")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("pupil")
    folder_per_class(root / "photos", COUNTS)
    (root / "recipe.yaml").write_text(RECIPE)
    return root


@pytest.fixture(scope="module")
def teacher(root) -> "sfumato.Run":
    return sfumato.train(root / "recipe.yaml", overrides={"train.epochs": 6}, out=root / "teacher", quiet=True)


@pytest.fixture(scope="module")
def pupil(root, teacher) -> "sfumato.Run":
    """A student with hints, taught by the views it sees."""
    distill = "distill: {teacher: teacher/bundle, sees: views, features: 0.1, temperature: 4}"
    text = RECIPE.replace("train: {", f"augment: {{views: 2}}\ntrain: {{{distill}, ")
    (root / "taught.yaml").write_text(text.replace("test_efficientnet", "test_resnet"))
    return sfumato.train(root / "taught.yaml", out=root / "pupil", quiet=True)


def learn(root, out, quiet=True, **overrides) -> "sfumato.Run":
    settings = {"train.epochs": 1, "train.distill.teacher": str(root / "teacher"), **overrides}
    return sfumato.train(root / "recipe.yaml", overrides=settings, out=root / out, quiet=quiet)


def kept(run) -> np.ndarray:
    return np.load(run.folder / "teacher" / "answers.npy")


def notes(run) -> list[str]:
    return json.loads((run.folder / "env.json").read_text())["notes"]


def test_the_answers_are_what_the_teacher_says_of_each_picture(root, teacher):
    run = learn(root, "plain")
    train = RunFolder(run.folder).read_table().part("train")
    expected = sfumato.load(teacher.bundle).logits([decode(image) for image in train.first_images])
    assert kept(run).shape == (1, len(train), 3)
    assert np.allclose(kept(run)[0], expected, atol=1e-4)


def test_views_are_those_the_student_sees(root, teacher):
    run = learn(root, "views", **VIEWS)
    train, loaded = RunFolder(run.folder).read_table().part("train"), RunFolder(run.folder).load_recipe().recipe
    preprocess = network_of(teacher.bundle)[1]
    samples = Samples(train, preprocess, loaded.augment, loaded.train.seed)
    predictor = sfumato.load(teacher.bundle)
    for view in range(2):
        batch = samples.__getitems__([Request(row, view, 0, 32, 1.0) for row in range(len(train))])
        expected = predictor.logits([image.permute(1, 2, 0).numpy() for image in batch.images])
        assert np.allclose(kept(run)[view], expected, atol=1e-4)
    assert not np.allclose(*kept(run), atol=1e-2)


def test_no_later_run_asks_again(root, teacher, monkeypatch):
    first = learn(root, "asked", **{"train.seed": 5})

    def never(*_):
        raise AssertionError("the teacher was asked a second time")

    monkeypatch.setattr(answers, "open_lesson", never)
    second = learn(root, "remembered", **{"train.seed": 6, "train.distill.weight": 0.9})
    assert np.array_equal(kept(first), kept(second))
    with pytest.raises(AssertionError, match="second time"):
        learn(root, "other-views", **VIEWS, **{"train.seed": 7})


def test_a_damaged_memory_is_asked_anew_and_a_damaged_run_says_so(root, teacher, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    run = learn(root, "before")
    memory = next(tmp_path.glob("sfumato/teachers/*.npy"))
    whole, expected = memory.read_bytes(), kept(run)
    memory.unlink()
    memory.write_bytes(whole[:300])
    assert np.array_equal(kept(learn(root, "after")), expected)
    shutil.rmtree(run.bundle)
    (run.folder / "teacher" / "answers.npy").unlink()
    (run.folder / "teacher" / "answers.npy").write_bytes(whole[:300])
    with pytest.raises(InputError, match=r"answers.npy: damaged.*remove it: the teacher is asked again"):
        sfumato.train(resume=run.folder, quiet=True)


@pytest.mark.slow
def test_killed_anywhere_gives_the_same_weights(root, pupil):
    command = [sys.executable, str(DRIVER), str(root / "taught.yaml"), str(root / "killed"), "2", "3", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in TENSORS:
        mine, theirs = (folder / f"{name}.safetensors" for folder in (root / "killed", pupil.folder))
        assert mine.read_bytes() == theirs.read_bytes(), name
    learnt = load_file(pupil.folder / "checkpoints/last/model.safetensors")["hint.weight"]
    assert len(learnt) == 256  # features of the teacher


def test_a_run_goes_on_without_its_teacher_and_not_with_another(root, teacher, pupil, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    copy = shutil.copytree(pupil.folder, root / "copy")
    shutil.rmtree(copy / "bundle")
    away = (root / "teacher").rename(root / "away")
    try:
        assert sfumato.train(resume=copy, quiet=True).metrics == pupil.metrics
        shutil.rmtree(copy / "bundle")
        (copy / "teacher" / "answers.npy").unlink()
        with pytest.raises(InputError, match=r"train.distill.teacher: .*no such bundle"):
            sfumato.train(resume=copy, quiet=True)
        shutil.copytree(away, root / "teacher")
        manifest = root / "teacher/bundle/manifest.json"
        manifest.write_text(manifest.read_text() + " ")
        with pytest.raises(InputError, match="it has changed since the run began"):
            sfumato.train(resume=copy, quiet=True)
    finally:
        shutil.rmtree(root / "teacher", ignore_errors=True)
        away.rename(root / "teacher")


def test_the_bundle_needs_no_teacher_and_names_its_hash(root, teacher, pupil):
    bundle = read_bundle(pupil.bundle)
    assert not [name for name in bundle.members[0] if name.startswith("hint")]
    assert str(root) not in (pupil.bundle / "recipe.yaml").read_text()
    facts = json.loads((pupil.folder / "teacher/teacher.json").read_text())
    assert bundle.provenance["teacher"] == {"manifest_sha256": facts["manifest_sha256"]}
    decision = sfumato.load(pupil.bundle).predict([root / "photos/disc/000.png"])[0]
    assert decision.label in COUNTS


def test_both_stand_side_by_side(teacher, pupil):
    lines = summary(RunFolder(pupil.folder))
    at = next(i for i, line in enumerate(lines) if line.strip().startswith("teacher"))
    score = teacher.metrics["test"]["scores"]["accuracy"]["value"]
    assert f"{score:.3f}" in lines[at]
    assert "its own" not in lines[at - 1]
    assert "student" in lines[at + 1]
    assert " of them); on test accuracy" in (pupil.folder / "report.html").read_text()


@pytest.mark.slow
def test_frozen_features_are_kept_with_a_teacher_too(root, teacher, monkeypatch):
    frozen = {"timeline[0].learn": {"head.*": 1, "*": "frozen"}, "train.epochs": 3, **VIEWS}
    once = learn(root, "once", **frozen)
    monkeypatch.setattr(feed, "kept_phases", lambda job: ())
    each = learn(root, "each", **frozen)
    first, second = (load_file(run.bundle / "weights.safetensors") for run in (once, each))
    assert max(float((first[name].double() - second[name].double()).abs().max()) for name in first) < 1e-6


def test_a_teacher_that_knows_other_samples_is_doubted(root, teacher, pupil):
    assert not [note for note in notes(pupil) if "too good" in note]
    assert [note for note in notes(pupil) if "taught by" in note and "is shown every augmented view" in note]
    other = learn(root, "other-split", **{"data.split.seed": 9})
    assert [note for note in notes(other) if "learnt from photos by splits that are not" in note]
    assert "perhaps on other samples" in "\n".join(summary(RunFolder(other.folder)))


WRONG = [
    ({"train.distill.teacher": "nowhere"}, "train.distill.teacher: nowhere: no such bundle"),
    ({"train.distill.teacher": "photos"}, "train.distill.teacher: photos: no manifest.json; expected a folder written by sfumato"),
    ({"data.source": "others"}, "train.distill.teacher: other classes than the data's: it does not know 'rings' and it knows 'disc', 'stripes', which the data lack; expected the 2 classes of the data"),
    ({"train.distill.sees": "views"}, "train.distill.sees: each draw is augmented anew"),
    ({"train.distill.weight": 0}, "train.distill.weight: has no effect: the teacher would teach nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_mistakes_are_told_before_anything_is_written(root, teacher, changes, said, monkeypatch):
    monkeypatch.chdir(root)
    folder_per_class(root / "others", {"rings": 16, "checks": 16}) if not (root / "others").exists() else None
    with pytest.raises(InputError) as caught:
        learn(root, "wrong", **changes)
    assert said in str(caught.value).replace(f"{root}/", "")
    assert not (root / "wrong").exists()


@pytest.mark.slow
def test_several_networks_teach_by_scores_and_not_by_features(root, teacher):
    folds = sfumato.crossval(
        root / "recipe.yaml", overrides={"train.epochs": 1}, folds=2, out=root / "folds", quiet=True
    )
    settings = {"train.distill.teacher": str(folds.bundle)}
    run = learn(root, "by-folds", **settings)
    assert [note for note in notes(run) if "2 networks" in note]
    assert [note for note in notes(run) if "in several folds or splits, so from val samples too" in note]
    with pytest.raises(InputError, match=r"2 networks, each with features.*leave out train.distill.features"):
        learn(root, "by-features", **settings, **HINTS)


@pytest.mark.slow
def test_an_ensemble_of_different_networks_teaches(root, teacher):
    other = {"model.backbone": "test_resnet", "train.epochs": 1}
    second = sfumato.train(root / "recipe.yaml", overrides=other, out=root / "second", quiet=True)
    both = sfumato.ensemble([teacher.folder, second.folder], out=root / "both", quiet=True)
    run = learn(root, "by-both", **{"train.distill.teacher": str(both.folder)})
    train = RunFolder(run.folder).read_table().part("train")
    expected = sfumato.load(both.bundle).logits([decode(image) for image in train.first_images])
    assert np.allclose(kept(run)[0], expected, atol=1e-4)
    assert [note for note in notes(run) if "2 networks" in note and "learnt from photos" in note]
    assert not [note for note in notes(run) if "too good" in note]  # both learnt from this very split


def test_paths_are_relative_to_the_recipe(root, pupil):
    recipe = load_recipe(root / "taught.yaml").recipe
    assert recipe.train.distill.teacher == str(root / "teacher/bundle")
