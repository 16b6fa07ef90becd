"""Features computed once give the result of computing them at every step, and the backbone then looks no more."""

from dataclasses import replace

import polars as pl
import pytest
from safetensors.torch import load_file
from tests.jobs import HALF, job_of
from tests.pictures import folder_per_class

import sfumato
from sfumato.models.classifier import Classifier, build_classifier
from sfumato.recipe.load import load_recipe
from sfumato.training import loop
from sfumato.training.features import kept_steps
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
    monkeypatch.setattr(loop, "kept_steps", lambda job: 0)
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
    return kept_steps(replace(job_of(model, plan), augment=recipe.augment)) > 0


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
    monkeypatch.setattr(loop, "kept_steps", lambda job: 0)
    sfumato.train(recipe, out="each", quiet=True)
    assert once < sum(looks)
    first, second = (load_file(f"{name}/bundle/weights.safetensors") for name in ("once", "each"))
    assert max(float((first[name].double() - second[name].double()).abs().max()) for name in first) < 1e-4
    history = [pl.read_csv(f"{name}/history.csv")["val_loss"].to_list() for name in ("once", "each")]
    assert history[0] == pytest.approx(history[1], abs=1e-4)


def test_a_beginning_no_longer_than_its_views_is_not_worth_keeping():
    assert asked({}, {"at": "3ep", "learn": {"*": 1}}, views=2)
    assert not asked({}, {"at": "2ep", "learn": {"*": 1}}, views=2)
