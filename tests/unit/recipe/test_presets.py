"""Presets: found by name, whole but for the pictures, and honest at their heads."""

import pytest
from tests.presets import plan_of

import sfumato
from sfumato.errors import InputError
from sfumato.recipe.experts import load_experts
from sfumato.recipe.load import load_recipe
from sfumato.recipe.preset_text import preset_text
from sfumato.recipe.presets import preset_file, preset_names, preset_story, recipe_names, seed_data

PHOTOS = {"data.source": "/photos"}


@pytest.mark.parametrize("name", recipe_names())
def test_the_name_is_the_file(name):
    assert load_recipe(name, PHOTOS).recipe.name == name


@pytest.mark.parametrize("name", recipe_names())
def test_the_resolved_text_is_the_preset_again(name, tmp_path):
    (tmp_path / "own.yaml").write_text(preset_text(name), encoding="utf-8")
    assert load_recipe(tmp_path / "own.yaml", PHOTOS).recipe == load_recipe(name, PHOTOS).recipe


def test_the_resolved_text_of_experts_is_the_preset_again(tmp_path):
    (tmp_path / "own.yaml").write_text(preset_text("product-stack"), encoding="utf-8")
    own, preset = load_experts(tmp_path / "own.yaml", PHOTOS), load_experts("product-stack", PHOTOS)
    assert own.name == preset.name == "product-stack" and own.fusion == preset.fusion
    assert {name: one.recipe for name, one in own.recipes.items()} == {
        name: one.recipe for name, one in preset.recipes.items()
    }


@pytest.mark.parametrize("name", preset_names())
def test_the_head_tells_its_story(name):
    story = preset_story(name)
    assert len(story[0]) < 100 and story[0].endswith(".")
    verb = "train" if name in recipe_names() else "crossval"
    assert f"Command: sfumato {verb} {name} --set data.source=photos" in "\n".join(story)
    assert {line.split(":")[0] for line in story} >= {"Seed", "Command", "Results"}
    assert any(line.startswith("Differs from ") for line in story)


def test_pictures_are_asked_for_by_the_command_line_s_words(tmp_path):
    with pytest.raises(InputError) as told:
        sfumato.train("crop-disease", out=tmp_path / "run", quiet=True)
    assert str(told.value) == "crop-disease: data.source: no data is named; add --set data.source=PATH"


def test_every_preset_has_the_size_of_its_seed_s_data():
    assert all(seed_data(name) for name in preset_names())
    assert seed_data("crop-diseases") is None


def test_a_folder_of_pictures_does_not_hide_a_preset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crop-disease").mkdir()
    recipe = load_recipe("crop-disease", {"data.source": "crop-disease"}).recipe
    assert (recipe.model.backbone, recipe.data.source) == ("resnet50", str(tmp_path / "crop-disease"))


def test_a_recipe_may_extend_a_preset(tmp_path):
    mine = "extends: crop-disease\ndata: {source: photos}\ntrain: {seed: 7}\n"
    (tmp_path / "mine.yaml").write_text(mine, encoding="utf-8")
    recipe, whole = load_recipe(tmp_path / "mine.yaml").recipe, load_recipe("crop-disease", {"data.source": "x"}).recipe
    assert recipe.train == whole.train.model_copy(update={"seed": 7})
    assert (recipe.timeline, recipe.data.source) == (whole.timeline, str(tmp_path / "photos"))
    (tmp_path / "other.yaml").write_text("extends: crop-desease\n", encoding="utf-8")
    with pytest.raises(InputError, match="no such recipe: crop-desease; did you mean 'crop-disease'?"):
        load_recipe(tmp_path / "other.yaml")


def test_the_nearest_name_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as told:
        load_recipe("crop-diseases")
    assert str(told.value) == (
        "crop-diseases: no such recipe; expected a YAML file, or a preset's name (sfumato presets lists them); "
        "did you mean 'crop-disease'?"
    )
    with pytest.raises(InputError, match="no such preset: fashion; did you mean 'fashion-44-v"):
        preset_file("fashion")
    with pytest.raises(InputError, match="no such preset: zebra; expected one of crop-disease, "):
        preset_file("zebra")


def test_a_mistake_in_an_override_is_told_at_its_place():
    with pytest.raises(InputError, match=r"--set: train.epohs: unknown setting; did you mean 'epochs'\?"):
        load_recipe("crop-disease", {**PHOTOS, "train.epohs": 3})


WEIGHTS = {"kind": "inverse_frequency"}
AS_THE_SEED = [
    ("crop-disease", {"timeline[4].loss.mean": "halves"}),
    ("crop-disease", {"timeline[0].class_weights": {"kind": "file", "file": "class_weights.csv"}}),
    ("crop-disease", {"timeline[0].sampler_power": 0.5, "train.accept": ["stacked_priors"]}),
    ("crop-disease", {"train.select": "accuracy"}),
    ("crop-disease-advanced", {"timeline[0].class_weights": WEIGHTS, "train.accept": ["stacked_priors"]}),
    ("crop-disease-advanced", {"timeline[8].head.start": "random", "timeline[8].centre_loss.form": "whole"}),
    ("fashion-44-v2", {"train.schedule.until": "100%", "train.accept": ["two_schedules"]}),
    ("fashion-44-v2.1", {"train.stop.after": "0ep"}),
    ("fashion-44-v3", {"train.sampler": "class_share"}),
]


@pytest.mark.parametrize(("name", "settings"), AS_THE_SEED)
def test_the_settings_that_do_as_the_seed_does_are_taken(name, settings):
    ours, theirs = load_recipe(name, PHOTOS).recipe, load_recipe(name, {**PHOTOS, **settings}).recipe
    assert plan_of(name, theirs)
    assert ours != theirs


@pytest.mark.parametrize(("name", "settings"), [case for case in AS_THE_SEED if "train.accept" in case[1]])
def test_contradictions_are_taken_by_their_names_alone(name, settings):
    without = {path: value for path, value in settings.items() if path != "train.accept"}
    recipe = load_recipe(name, {**PHOTOS, **without}).recipe
    with pytest.raises(InputError, match=settings["train.accept"][0]):
        plan_of(name, recipe)


@pytest.mark.parametrize("name", ["crop-disease-figure", "crop-disease-as-run", "fashion-44-v3-as-written"])
def test_every_contradiction_a_preset_accepts_is_one(name):
    recipe = load_recipe(name, {**PHOTOS, "train.accept": []}).recipe
    with pytest.raises(InputError, match="or accept it"):
        plan_of(name, recipe)
