"""Features computed once give the result of computing them at every step, and the backbone then looks no more."""

from dataclasses import replace

import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from tests.jobs import HALF, job_of
from tests.pictures import folder_per_class

import sfumato
from sfumato.models.classifier import Classifier, build_classifier
from sfumato.recipe.load import load_recipe
from sfumato.training import features, feed
from sfumato.training.frozen_phases import kept_phases
from sfumato.training.plan import make_plan
from sfumato.training.schedules import CosineSpec

FEW = {
    "data": {"source": "photos", "split": {"val": 0.2, "test": 0.2}},
    "model": {"backbone": "test_efficientnet", "weights": "none", "head": {"kind": "mlp", "hidden": 16}},
    "augment": {"views": 3},
    "train": {"epochs": 5, "precision": "fp32", "workers": 0, "optimizer": {"lr": 1e-3}},
    "timeline": [
        {"at": "0ep", "image_size": 32, "batch_size": 8, "learn": {"head.*": 5, "*": "frozen"}, "sampler_power": 0.5},
        {"at": "3ep", "head": {"kind": "cosine", "start": "class_means"}},
    ],
}


@pytest.fixture
def photos(tmp_path, monkeypatch):
    folder_per_class(tmp_path / "photos", {"disc": 16, "stripes": 12, "checks": 8})
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def looks(monkeypatch) -> list[int]:
    """How many images the backbone was shown, call by call."""
    seen: list[int] = []
    compute = Classifier.features

    def features(self, images):
        seen.append(len(images))
        return compute(self, images)

    monkeypatch.setattr(Classifier, "features", features)
    return seen


def test_the_same_head_from_features_that_were_computed_once(photos, looks, monkeypatch):
    sfumato.train(FEW, out="once", quiet=True)
    once = sum(looks)
    looks.clear()
    monkeypatch.setattr(feed, "kept_phases", lambda job: ())
    sfumato.train(FEW, out="each", quiet=True)
    assert once < sum(looks)
    first, second = (load_file(f"{name}/bundle/weights.safetensors") for name in ("once", "each"))
    assert first.keys() == second.keys()
    assert max(float((first[name].double() - second[name].double()).abs().max()) for name in first) < 1e-6


def asked(*keyframes, views=3) -> bool:
    first = {"at": "0ep", "learn": {"head.*": 5, "*": "frozen"}}
    recipe = load_recipe(
        {
            "data": {"source": "photos"},
            "model": {"backbone": "test_efficientnet", "weights": "none"},
            "augment": {"views": views} if views else {},
            "timeline": [{**first, **(keyframes[0] if keyframes else {})}, *keyframes[1:]],
        }
    ).recipe
    head = recipe.model.head
    plan = make_plan(recipe.timeline, CosineSpec(), base_lr=1e-3, epochs=4, samples=8, image_size=32, head=head)
    model = build_classifier(recipe.model, 3, 32, HALF, HALF)
    return bool(kept_phases(replace(job_of(model, plan), augment=recipe.augment)))


def test_features_that_recur_are_kept():
    assert asked()
    assert asked({}, {"at": "2ep", "head": {"kind": "cosine"}, "label_smoothing": 0.1})
    assert asked({"augment": 0}, views=None)


@pytest.mark.parametrize(
    ("keyframes", "views"),
    [
        ([], None),
        ([{}, {"at": "3ep", "learn": {"*": 1}}], 3),
        ([{"learn": {"*": 1}}], 3),
        ([{"mixup_alpha": 0.2}], 3),
        ([{"cutmix_alpha": 0.2}, {"at": "1ep", "cutmix_alpha": 0}], 3),
        ([{}, {"at": "2ep", "image_size": 48}], 3),
        ([{}, {"at": "2ep", "augment": 0.5}], 3),
    ],
)
def test_features_that_would_change_are_not(keyframes, views):
    assert not asked(*keyframes, views=views)


def test_a_frozen_beginning_is_computed_once_and_what_follows_at_every_step(photos, looks, monkeypatch):
    """The same weights to rounding, also where the timeline changes image size and augmentation afterwards."""
    frames = [
        {"at": "0ep", "image_size": 32, "batch_size": 8, "learn": {"head.*": 5, "*": "frozen"}, "augment": 0},
        {"at": "3ep", "learn": {"*": 0.1}, "augment": 1, "image_size": 48, "ema_decay": 0.5},
    ]
    recipe = {**FEW, "augment": {"flips": ["horizontal"]}, "timeline": frames}
    sfumato.train(recipe, out="once", quiet=True)
    once = sum(looks)
    looks.clear()
    monkeypatch.setattr(feed, "kept_phases", lambda job: ())
    sfumato.train(recipe, out="each", quiet=True)
    assert once < sum(looks)
    first, second = (load_file(f"{name}/bundle/weights.safetensors") for name in ("once", "each"))
    assert max(float((first[name].double() - second[name].double()).abs().max()) for name in first) < 1e-4
    history = [pl.read_csv(f"{name}/history.csv")["val_loss"].to_list() for name in ("once", "each")]
    assert history[0] == pytest.approx(history[1], abs=1e-4)


def test_a_beginning_no_longer_than_its_views_is_not_worth_keeping():
    assert asked({}, {"at": "3ep", "learn": {"*": 1}}, views=2)
    assert not asked({}, {"at": "2ep", "learn": {"*": 1}}, views=2)


HEAD_ONLY = [{"at": "0ep", "image_size": 32, "batch_size": 8, "learn": {"head.*": 5, "*": "frozen"}, "augment": 0}]


def weights(folder: str) -> dict[str, torch.Tensor]:
    return load_file(f"{folder}/bundle/weights.safetensors")


def apart(first: str, second: str) -> float:
    one, other = weights(first), weights(second)
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


@pytest.fixture
def shown(monkeypatch) -> list[int]:
    """How many images each computing of features for keeping was about."""
    seen: list[int] = []
    compute = features._computed

    def computed(job, table, asked, rows):
        seen.append(len(rows))
        return compute(job, table, asked, rows)

    monkeypatch.setattr(features, "_computed", computed)
    return seen


def test_folds_compute_each_picture_once(photos, shown, empty_cache):
    recipe = {**FEW, "augment": {}, "timeline": HEAD_ONLY, "train": {**FEW["train"], "epochs": 2}}
    recipe["data"] = {"source": "photos", "split": {"test": 0.2}}
    done = sfumato.crossval(recipe, folds=2, out="folds", quiet=True)
    assert sum(shown) == len(done.predictions["oof"].ids)


@pytest.mark.slow
def test_a_frozen_phase_in_the_middle_gives_the_same_weights(photos, looks, monkeypatch):
    """A head trained anew on features of a network that has learnt before (Kang et al. 2020, classifier retraining)."""
    frames = [
        {"at": "0ep", "image_size": 32, "batch_size": 8, "learn": {"*": 1}, "augment": 0},
        {"at": "1ep", "learn": {"head.*": 5, "*": "frozen"}, "sampler_power": 1},
        {"at": "4ep", "learn": {"*": 0.1}},
    ]
    recipe = {**FEW, "augment": {}, "timeline": frames}
    sfumato.train(recipe, out="once", quiet=True)
    once = sum(looks)
    looks.clear()
    monkeypatch.setattr(feed, "kept_phases", lambda job: ())
    sfumato.train(recipe, out="each", quiet=True)
    assert once < sum(looks)
    assert apart("once", "each") < 1e-4
    history = [pl.read_csv(f"{name}/history.csv")["val_loss"].to_list() for name in ("once", "each")]
    assert history[0] == pytest.approx(history[1], abs=1e-4)


def test_later_phases_are_not_kept_where_averages_have_another_network():
    middle = [{"learn": {"*": 1}}, {"at": "1ep", "learn": {"head.*": 1, "*": "frozen"}}]
    assert asked(*middle, views=1)
    assert not asked({**middle[0], "ema_decay": 0.9}, middle[1], views=1)
    assert not asked(middle[0], middle[1], {"at": "2ep", "mixup_alpha": 0.2}, views=1)
