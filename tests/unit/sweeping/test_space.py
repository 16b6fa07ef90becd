"""Spaces: what may be varied, checked at both ends before the first trial."""

import pytest

from sfumato.errors import InputError
from sfumato.recipe.load import load_recipe
from sfumato.sweeping.space import Choices, Range, read_space, settings, to_mapping

RECIPE = {
    "data": {"source": "photos"},
    "model": {"backbone": "resnet18"},
    "timeline": [{"at": "0ep", "image_size": 32}],
}


@pytest.fixture(scope="module")
def recipe():
    return load_recipe(RECIPE).recipe


def test_a_range_is_whole_where_the_recipe_takes_whole_numbers_alone(recipe):
    space = read_space({"train.epochs": {"low": 2, "high": 9}, "augment.rotate": {"low": 0, "high": 20}}, recipe)
    assert space == {"train.epochs": Range(2, 9, False, True), "augment.rotate": Range(0, 20, False, False)}


def test_choices_of_any_kind_come_back_as_they_were(recipe):
    given = {
        "train.schedule": {"choices": [{"kind": "cosine"}, {"kind": "constant"}]},
        "train.clip_norm": {"choices": [None, 1.0]},
    }
    space = read_space(given, recipe)
    assert all(isinstance(one, Choices) for one in space.values())
    assert settings(space, {path: one.texts[0] for path, one in space.items()}) == {
        "train.schedule": {"kind": "cosine"},
        "train.clip_norm": None,
    }
    assert read_space(to_mapping(space), recipe) == space


WRONG = {
    "an unknown path": ("train.sede: {low: 0, high: 9}", r"space\.yaml:2: train\.sede: unknown setting; did you mean 'seed'"),
    "an end the recipe refuses": ("train.seed: {low: -1, high: 9}", r"space\.yaml:2: train\.seed"),
    "an end past what is possible": ("augment.crop: {low: 0.1, high: 3}", r"space\.yaml:2: augment\.crop"),
    "a whole number is wanted": ("train.seed: {low: 0.5, high: 9}", r"space\.yaml:2: train\.seed: .*whole number"),
    "a choice the recipe refuses": ("train.select: {choices: [accuracy, auc]}", "changes what a trial is measured by"),
    "an unknown choice": ("model.backbone: {choices: [3, resnet18]}", r"space\.yaml:2: model\.backbone"),
    "the wrong way round": ("train.optimizer.lr: {low: 1e-2, high: 1e-4}", "low 0.01, high 0.0001; expected low below high"),
    "a logarithm of 0": ("train.optimizer.lr: {low: 0, high: 1e-2, log: true}", "above 0 for log"),
    "one choice": ("train.seed: {choices: [1]}", r"space\.yaml:2: train\.seed: choices"),
    "a choice twice": ("train.seed: {choices: [1, 1]}", "a choice stands twice"),
    "no upper end": ("train.optimizer.lr: {low: 1e-4}", "high is missing"),
    "a value alone": ("train.optimizer.lr: 1e-4", "no range and no choices; expected {low"),
    "an unknown key": ("train.optimizer.lr: {low: 1e-4, high: 1e-2, step: 1}", "step is unknown"),
    "what is measured": ("data.split.seed: {low: 0, high: 9}", "changes what a trial is measured by"),
    "what comes after the score": ("decision.calibration: {choices: [temperature, none]}", "changes no score of the weights"),
    "what changes no weights": ("train.workers: {low: 0, high: 4}", "changes no score of the weights"),
    "nothing": ("", r"space\.yaml: empty; expected a line a setting"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_one_line_with_their_place(name, recipe, tmp_path):
    text, message = WRONG[name]
    (tmp_path / "space.yaml").write_text(f"# what is varied\n{text}\n")
    with pytest.raises(InputError, match=message) as caught:
        read_space(tmp_path / "space.yaml", recipe)
    assert "\n" not in str(caught.value)
