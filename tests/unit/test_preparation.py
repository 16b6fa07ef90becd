"""What a recipe is made into before training: refused early, and never for what only looks wrong early."""

import pytest

from sfumato.console import Console
from sfumato.errors import InputError
from sfumato.models.heads import CosineHeadSpec
from sfumato.preparation.prepare import prepare
from sfumato.preparation.preview import preview
from sfumato.recipe.load import load_recipe

MEANS = {"kind": "cosine", "start": "class_means"}


def made(recipe, **overrides):
    return preview(load_recipe(recipe, {name.replace("__", "."): value for name, value in overrides.items()}).recipe)


def test_a_head_that_the_timeline_begins_with_is_the_models(small_recipe):
    found = made(small_recipe, timeline=[{"at": "0ep", "image_size": 32, "head": MEANS}])
    assert found.model.head_spec == found.plan.at(0).head == CosineHeadSpec(start="class_means")


def test_it_is_trained(small_recipe, tmp_path):
    import sfumato

    timeline = [{"at": "0ep", "image_size": 32, "head": MEANS, "head_warmup": "1st"}]
    settings = {"timeline": timeline, "train.epochs": 1, "train.optimizer.lr": 1e-6}
    run = sfumato.train(small_recipe, overrides=settings, out=tmp_path / "run", quiet=True)
    assert run.metrics["val"]["scores"]
    assert "cosine" in (run.bundle / "manifest.json").read_text() + (run.bundle / "recipe.yaml").read_text()


def test_a_step_is_counted_in_training_samples_alone(small_recipe):
    """120 pictures make 7 steps of 16 an epoch, the 72 that are trained on 4: the sixth step is in the second epoch."""
    timeline = [
        {"at": "0ep", "image_size": 32, "batch_size": 16},
        {"at": "1ep", "augment": 0.5},
        {"at": "6st", "augment": 0.2},
    ]
    found = prepare(load_recipe(small_recipe, {"timeline": timeline}).recipe, "cpu", Console(quiet=True))
    assert found.plan.clock.starts == (0, 4, 8, 12)
    assert found.plan.keyframes == (0.0, 1.0, 1.5)
    with pytest.raises(InputError, match="3st is not after the keyframe before it, at epoch 1"):
        made(small_recipe, timeline=[*timeline[:2], {"at": "3st", "augment": 0.2}])


def test_near_duplicates_can_be_accepted_before_they_are_found(small_recipe):
    made(small_recipe, data__split__accept=["near-duplicates"])
    with pytest.raises(InputError, match="groups has no effect: no such leak"):
        made(small_recipe, data__split__accept=["groups"])
