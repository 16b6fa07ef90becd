"""A recipe is planned before there is data, for data that is assumed."""

import pytest
from tests.pictures import folder_per_class

from sfumato.data.assumed import Assumed
from sfumato.errors import InputError
from sfumato.forecast import forecast
from sfumato.preparation.preview import preview
from sfumato.recipe.load import load_recipe
from sfumato.run import train

RECIPE = {
    "model": {"backbone": "test_efficientnet", "weights": "none"},
    "timeline": [{"at": "0ep", "image_size": 32, "sampler_power": 0.5}],
    "train": {"epochs": 2, "precision": "fp32", "workers": 0, "device": "cpu"},
}


def test_without_data_it_is_assumed_and_said():
    prepared = preview(load_recipe(RECIPE).recipe, Assumed(200, 5))
    assert [len(prepared.table.part(part)) for part in ("train", "val", "test")] == [140, 30, 30]
    assert prepared.model.classes == 5
    assert set(prepared.table.part("train").class_counts.tolist()) == {28}
    assert prepared.plan.samples == 140
    assert prepared.notes[0] == (
        "data.source: none yet; assumed are 200 samples of 5 classes of equal size (--samples, --classes, --imbalance)"
    )
    assert prepared.notes[1] == "prior: from epoch 0, largest to rarest class 1 : 1 -> 1 : 1 by sampler_power 0.5"


def test_with_nothing_said_there_is_a_usual_amount():
    assert preview(load_recipe(RECIPE).recipe).plan.samples == 7000


def test_several_label_columns_are_assumed_alike():
    several = {**RECIPE, "data": {"columns": {"label": ["disease", "severity"]}}}
    table = preview(load_recipe(several).recipe, Assumed(200, 5)).table
    assert {task: len(space) for task, space in table.layout.spaces.items()} == {"disease": 5, "severity": 5}


def test_folds_have_their_share():
    recipe = load_recipe({**RECIPE, "data": {"split": {"test": 0.2, "folds": 4, "fold": 0}}}).recipe
    parts = preview(recipe, Assumed(100, 2)).table
    assert [len(parts.part(part)) for part in ("train", "val", "test")] == [60, 20, 20]


def test_data_that_is_there_is_not_assumed(tmp_path):
    folder_per_class(tmp_path / "photos", {"a": 8, "b": 8})
    recipe = load_recipe({**RECIPE, "data": {"source": str(tmp_path / "photos")}}).recipe
    with pytest.raises(InputError, match="data.source: there is data, .*photos, so none can be assumed; leave out"):
        preview(recipe, Assumed(100, 2))


def test_too_little_is_refused():
    with pytest.raises(InputError, match="assumed data: 3 samples of 2 classes; expected at least two classes"):
        preview(load_recipe(RECIPE).recipe, Assumed(3, 2))


def test_a_keyframe_that_early_stopping_may_leave_out_is_noted():
    timeline = [*RECIPE["timeline"], {"at": "3ep", "sampler_power": 0}]
    recipe = {**RECIPE, "timeline": timeline, "train": {"epochs": 5, "stop": {"patience": 2}}}
    notes = [note for note in preview(load_recipe(recipe).recipe).notes if note.startswith("train.stop")]
    assert notes == [
        "train.stop: training may end after epoch 3, before the last keyframe, at 3ep; train.stop.after: 3ep waits for it"
    ]
    recipe["train"]["stop"]["after"] = "3ep"
    assert not [note for note in preview(load_recipe(recipe).recipe).notes if note.startswith("train.stop")]


def test_nothing_else_goes_without_data(tmp_path):
    with pytest.raises(InputError, match="data.source: no data is named; add --set data.source=PATH"):
        train(RECIPE, out=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_forecast_of_pictures_that_are_there(tmp_path):
    folder_per_class(tmp_path / "photos", {"a": 12, "b": 12})
    recipe = load_recipe({**RECIPE, "data": {"source": str(tmp_path / "photos")}}).recipe
    found = forecast(preview(recipe), budget=0.2)
    assert found.learning > 0
    assert found.validating > 0
    assert found.reading is not None
    assert found.reading > 0
    assert (found.device, found.precision, found.workers) == ("cpu", "fp32", 0)


def test_weights_of_tasks_imply_columns():
    recipe = load_recipe("crop-disease-multitask").recipe
    assert [task.name for task in preview(recipe).table.questions] == ["first", "second"]
    named = load_recipe("crop-disease-multitask", {"train.task_weights": {"crop": 1, "grade": 0.5}}).recipe
    assert [task.name for task in preview(named).table.questions] == ["crop", "grade"]


def test_a_column_of_one_group_is_refused_where_it_stands(tmp_path):
    folder_per_class(tmp_path / "photos", {"a": 4, "b": 4})
    rows = [f"photos/{name}/{i:03}.png,{name},only" for name in "ab" for i in range(4)]
    (tmp_path / "charts.csv").write_text("\n".join(["image,label,source", *rows]))
    recipe = (
        "data:\n  source: charts.csv\n  columns: {group: source}\nmodel: {backbone: test_efficientnet, weights: none}\n"
    )
    (tmp_path / "recipe.yaml").write_text(recipe)
    loaded = load_recipe(tmp_path / "recipe.yaml")
    said = (
        r"recipe.yaml:3: .*charts.csv: data.columns.group: all 8 samples are of one group, 'only', and a group is never"
    )
    with pytest.raises(InputError, match=said), loaded.located():
        preview(loaded.recipe)
