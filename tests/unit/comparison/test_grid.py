"""Grids: every combination, and every mistake in one line before anything is trained."""

import pytest

from sfumato.comparison.contestants import contestants
from sfumato.comparison.grid import parse_grid, points
from sfumato.errors import InputError

DATA = {"data.source": "photos"}


def names(*sources, grid=(), fixed=DATA) -> list[str]:
    return [one.name for one in contestants(sources, fixed, parse_grid(grid, fixed))]


def test_every_combination_the_last_varying_fastest():
    found = points(parse_grid(["train.seed=0,1", "train.optimizer={kind: adamw, lr: 1e-3},{kind: sgd}"]))
    assert [point.name for point in found] == [
        "seed=0,optimizer=kind_adamw_lr_0.001", "seed=0,optimizer=kind_sgd", "seed=1,optimizer=kind_adamw_lr_0.001", "seed=1,optimizer=kind_sgd",
    ]  # fmt: skip
    assert found[1].overrides == {"train.seed": 0, "train.optimizer": {"kind": "sgd"}}


def test_recipes_times_points():
    grid = ["train.seed=0,1"]
    assert names("fashion-44-v1", "fashion-44-v2", grid=grid) == [
        "fashion-44-v1,seed=0", "fashion-44-v1,seed=1", "fashion-44-v2,seed=0", "fashion-44-v2,seed=1",
    ]  # fmt: skip


def test_a_point_in_a_presets_name_ends_no_file_name():
    assert names("fashion-44-v2", "fashion-44-v2.1") == ["fashion-44-v2", "fashion-44-v2.1"]


def test_words_that_two_paths_end_in_are_told_apart():
    (point, *_) = points({"model.head.kind": ["linear", "mlp"], "train.schedule.kind": ["cosine", "constant"]})
    assert point.name == "model.head.kind=linear,train.schedule.kind=cosine"


def test_the_values_reach_the_recipes():
    found = contestants(["fashion-44-v1"], DATA, parse_grid(["train.optimizer.lr=1e-3,1e-4"]))
    assert [one.recipe.train.optimizer.lr for one in found] == [1e-3, 1e-4]


def test_two_files_of_one_name(tmp_path):
    for folder, seed in (("x", 1), ("y", 2)):
        (tmp_path / folder).mkdir()
        text = f"data: {{source: photos}}\nmodel: {{backbone: resnet18}}\ntrain: {{seed: {seed}}}\n"
        (tmp_path / folder / "same.yaml").write_text(text)
    assert names(tmp_path / "x/same.yaml", tmp_path / "y/same.yaml", fixed={}) == ["same", "same-2"]


ONE = ("fashion-44-v1",)
WRONG = {
    "an unknown path": (ONE, ["train.sede=1,2"], DATA, r"^--grid: train\.sede: unknown setting; did you mean 'seed'\?$"),
    "a value of another type": (ONE, ["train.seed=1,a"], DATA, r'^--grid: train\.seed: found "a"; expected a whole number$'),
    "one value": (ONE, ["train.seed=1"], DATA, "1 value, which varies nothing"),
    "a value twice": (ONE, ["train.seed=1,1"], DATA, r"--grid train\.seed: 1 stands twice"),
    "no value": (ONE, ["train.seed"], DATA, r"^--grid train\.seed; expected PATH=VALUE,VALUE"),
    "no path": (ONE, ["=1,2"], DATA, "expected PATH=VALUE"),
    "a bracket too many": (ONE, ["train.seed=[1,2"], DATA, "not YAML"),
    "a path twice": (ONE, ["train.seed=1,2", "train.seed=3,4"], DATA, "given twice"),
    "fixed and varied": (ONE, ["data.source=a,b"], DATA, "--set gives it one value"),
    "no such entry": (ONE, ["timeline[9].at=1ep,2ep"], DATA, r"--grid timeline\[9\]\.at: there is no entry \[9\]"),
    "a mistake of --set": (ONE, ["train.seed=1,2"], {**DATA, "train.epoch": 3}, "^--set: train.epoch"),
    "no data": (ONE * 2, [], {}, r"^fashion-44-v1: data\.source: no data is named"),
    "alone": (ONE, [], DATA, "^fashion-44-v1 alone to compare; expected two recipes or runs"),
    "nothing": ((), [], {}, "^nothing to compare"),
    "the same twice": (ONE * 2, [], DATA, "fashion-44-v1 is the same as fashion-44-v1; --grid train.seed=0,1,2"),
    "no such recipe": (("fashion-44-v9",), [], DATA, "no such recipe; .* did you mean"),
    "a grid for nothing": ((), ["train.seed=1,2"], {}, "^--grid: there is no recipe among them to change"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_one_line(name):
    sources, grid, fixed, message = WRONG[name]
    with pytest.raises(InputError, match=message) as caught:
        names(*sources, grid=grid, fixed=fixed)
    assert "\n" not in str(caught.value)
