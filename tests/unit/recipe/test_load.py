import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from sfumato.data.source import DataSpec
from sfumato.data.splits.spec import SplitSpec
from sfumato.errors import InputError
from sfumato.models.classifier import ModelSpec
from sfumato.models.heads import CosineHeadSpec
from sfumato.models.weights import WeightsFrom
from sfumato.recipe.load import PATHS, json_schema, load_recipe, parse_override, to_yaml, without_folders
from sfumato.recipe.schema import Recipe
from sfumato.training.duration import Duration
from sfumato.training.job import TrainSpec
from sfumato.training.keyframe import Keyframe, Ramp
from sfumato.training.optimizer import SgdSpec

YAML = """
name: both
data: {source: photos, split: {val: 0.2}}
model: {backbone: resnet18, weights: {tag: a1_in1k}, head: {kind: cosine, scale: 20}}
train: {epochs: 4, optimizer: {kind: sgd, lr: 1e-2}}
timeline:
  - {at: 0ep, learn: {"head.*": 1, "*": frozen}, mixup_alpha: 0.2}
  - {at: 50%, mixup_alpha: {to: 0, over: 1ep, shape: cosine}}
"""


def python_spelling(source: str) -> Recipe:
    return Recipe(
        name="both",
        data=DataSpec(source=source, split=SplitSpec(val=0.2)),
        model=ModelSpec(backbone="resnet18", weights=WeightsFrom(tag="a1_in1k"), head=CosineHeadSpec(scale=20)),
        train=TrainSpec(epochs=4, optimizer=SgdSpec(lr=1e-2)),
        timeline=(
            Keyframe(at=Duration(0, "ep"), learn={"head.*": 1.0, "*": "frozen"}, mixup_alpha=0.2),
            Keyframe(at=Duration(50, "%"), mixup_alpha=Ramp(to=0.0, over=Duration(1, "ep"), shape="cosine")),
        ),
    )


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(YAML)
    return tmp_path


def test_yaml_and_python_are_two_spellings(folder):
    assert load_recipe("recipe.yaml").recipe == python_spelling(str(folder / "photos"))
    assert load_recipe(python_spelling("photos")).recipe == load_recipe("recipe.yaml").recipe


def test_the_resolved_text_is_the_recipe_again(folder):
    recipe = load_recipe("recipe.yaml").recipe
    Path("resolved.yaml").write_text(to_yaml(recipe))
    assert load_recipe("resolved.yaml").recipe == recipe
    assert yaml.safe_load(to_yaml(recipe))["train"]["schedule"]["kind"] == "cosine"


def test_a_none_that_says_something_survives(folder):
    recipe = load_recipe("recipe.yaml", {"train.clip_norm": None}).recipe
    Path("resolved.yaml").write_text(to_yaml(recipe))
    assert "clip_norm: null" in Path("resolved.yaml").read_text()
    assert load_recipe("resolved.yaml").recipe.train.clip_norm is None
    assert "ema_decay" not in Path("resolved.yaml").read_text()


def test_plain_scalars_hold_no_surprise(folder):
    Path("r.yaml").write_text(
        "name: no\ndata: {source: on}\nmodel: {backbone: resnet18}\ntrain: {optimizer: {lr: 1e-3}, clip_norm: null}\n"
    )
    recipe = load_recipe("r.yaml").recipe
    assert recipe.name == "no"
    assert recipe.data.source == str(folder / "on")
    assert recipe.train.optimizer.lr == 0.001
    assert recipe.train.clip_norm is None


def test_overrides_reach_everywhere(folder):
    overrides = dict(
        map(parse_override, ["train.seed=7", "timeline[1].mixup_alpha=0.1", "model.head={kind: mlp}", "data.source=x"])
    )
    recipe = load_recipe("recipe.yaml", overrides).recipe
    assert recipe.train.seed == 7
    assert recipe.timeline[1].mixup_alpha == 0.1
    assert recipe.model.head.kind == "mlp"
    assert recipe.data.source == str(folder / "x")
    assert load_recipe(python_spelling("photos"), {"train.seed": 7}).recipe.train.seed == 7


def test_an_override_makes_what_is_not_there(folder):
    assert load_recipe("recipe.yaml", {"decision.abstain.max_error": 0.1}).recipe.decision.abstain.max_error == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train.seed", "--set train.seed; expected PATH=VALUE, such as train.epochs=20"),
        (
            "train..seed=1",
            "'train..seed' is no recipe path; expected a path such as train.seed or timeline[0].lr_scale",
        ),
        ("name.x=1", "--set name.x: nothing to set below a str"),
        ("timeline[5].at=1ep", "--set timeline[5].at: there is no entry [5] in a list of 2"),
        ("train.sed=1", "--set: train.sed: unknown setting; did you mean 'seed'?"),
        ("train.epochs=0", "--set: train.epochs: found 0; expected at least 1"),
        ("train.epochs=[", "--set train.epochs=[:1: not YAML: expected the node content, but found '<stream end>'"),
    ],
)
def test_overrides_that_are_wrong(folder, text, message):
    with pytest.raises(InputError) as caught:
        load_recipe("recipe.yaml", dict([parse_override(text)]))
    assert str(caught.value) == message


def test_extends_lays_one_recipe_over_another(folder):
    (folder / "sub").mkdir()
    Path("sub/child.yaml").write_text(
        "extends: ../recipe.yaml\ntrain: {epochs: 9}\nmodel: {head: {kind: mlp, hidden: 8}}\n"
    )
    recipe = load_recipe("sub/child.yaml").recipe
    assert recipe.train.epochs == 9
    assert recipe.train.optimizer.lr == 0.01
    assert recipe.model.head.kind == "mlp"
    assert recipe.data.source == str(folder / "sub" / ".." / "photos")
    assert len(recipe.timeline) == 2


def test_mistakes_are_placed_in_the_file_they_stand_in(folder):
    Path("base.yaml").write_text(YAML.replace("epochs: 4", "epochs: 0"))
    Path("child.yaml").write_text("extends: base.yaml\nname: child\n")
    with pytest.raises(InputError, match=r"base\.yaml:5: train\.epochs: found 0"):
        load_recipe("child.yaml")


def test_only_one_level(folder):
    Path("child.yaml").write_text("extends: recipe.yaml\n")
    Path("grandchild.yaml").write_text("extends: child.yaml\n")
    with pytest.raises(InputError, match=r"grandchild\.yaml:1: extends: child\.yaml extends a recipe itself"):
        load_recipe("grandchild.yaml")


def test_a_recipe_that_is_not_there_names_its_neighbour(folder):
    with pytest.raises(
        InputError, match=r"recipes\.yaml: no such recipe; expected a YAML file; did you mean 'recipe\.yaml'\?"
    ):
        load_recipe("recipes.yaml")


def test_settings_found_wrong_later_get_their_place(folder):
    loaded = load_recipe("recipe.yaml")
    with pytest.raises(InputError, match=r"^recipe\.yaml:8: timeline\[1\]\.at: too late$"), loaded.located():
        raise InputError("too late", setting="timeline[1].at")
    with pytest.raises(InputError, match="^no place$"), loaded.located():
        raise InputError("no place")


def test_the_json_schema_says_what_the_loader_says(folder):
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.check_schema(json_schema())
    assert not list(validator.iter_errors(json.loads(json.dumps(load_recipe("recipe.yaml").document.settings))))
    broken = {"data": {"source": "x"}, "model": {"backbone": "y"}, "train": {"epohs": 1}}
    assert [error.validator for error in validator.iter_errors(broken)] == ["additionalProperties"]


def undocumented(schema: dict) -> list[str]:
    found = []
    for name, part in {"Recipe": schema, **schema["$defs"]}.items():
        found += [
            f"{name}.{key}"
            for key, value in part.get("properties", {}).items()
            if key != "kind" and not value.get("description")
        ]
    return found


def test_every_setting_is_documented():
    assert undocumented(json_schema()) == []


def test_no_folder_leaves_the_machine(folder):
    """Every setting that names a path is cut to its last part; a new one must be cut too."""
    image = {"model.weights": {"file": "x"}}
    both = {
        "timeline": [],
        "model": {"kind": "image_text", "image": {"backbone": "resnet18", "weights": {"file": "x"}}, "text": {}},
    }
    by_texts = {**both, "model": {**both["model"], "kind": "dual_encoder", "texts": {"kind": "file"}}}
    seen = set()
    by_clip = {
        "timeline": [],
        "model": {"kind": "dual_encoder", "texts": {"kind": "file"}, "clip": {"name": "ViT-B-16"}},
    }
    names = {"timeline": [], "model": {"kind": "vlm"}}
    families = (
        (image, ("model.image.", "model.text.", "model.texts.", "model.clip.", "model.folder", "data.elements")),
        (both, ("model.weights", "model.texts.", "model.clip.", "model.folder")),
        (by_texts, ("model.weights", "model.clip.", "model.folder", "data.elements")),
        (by_clip, ("model.weights", "model.image.", "model.text.", "model.folder", "data.elements")),
        (names, ("model.weights", "model.image.", "model.text.", "model.texts.", "model.clip.")),
    )
    for model, other in families:
        paths = {path: f"/home/ann/secret/{path}" for path in PATHS if not path.startswith(other)}
        recipe = load_recipe("recipe.yaml", {**model, "data.labels": {"file": "x"}, **paths}).recipe
        text = to_yaml(recipe)
        assert text.count("/home/ann/secret/") == len(paths)
        assert "ann" not in to_yaml(without_folders(recipe))
        assert all(path in to_yaml(without_folders(recipe)) for path in paths)
        seen |= set(paths)
    assert seen == set(PATHS)
