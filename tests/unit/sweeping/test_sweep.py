"""Sweeps over pretended trainings: they go on as if never interrupted, stop the poor, and outlive failures."""

import shutil
import sys
from pathlib import Path

import polars as pl
import pytest

import sfumato
from sfumato.errors import InputError, Interrupted, RunError, Stopped
from sfumato.processes import pool
from sfumato.sweeping import trials
from sfumato.sweeping.study import Study

RECIPE = {
    "name": "swept",
    "data": {"source": "photos", "split": {"test": 0}},
    "model": {"backbone": "resnet18"},
    "train": {"epochs": 4, "optimizer": {"lr": 0.01}},
}
SPACE = {"train.optimizer.lr": {"low": 1e-6, "high": 0.5, "log": True}, "augment.rotate": {"low": 0, "high": 20}}
PRETENDED = (sys.executable, str(Path(__file__).parents[2] / "pretended_training.py"))


def pretend(patch):
    patch.setattr(pool, "PROGRAM", PRETENDED)
    patch.setattr(pool, "_POLL", 0.01)
    patch.setattr(trials, "measure_test", lambda run: {})


@pytest.fixture(autouse=True)
def _pretended(monkeypatch):
    pretend(monkeypatch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Seven trials that nothing interrupted."""
    with pytest.MonkeyPatch.context() as patch:
        pretend(patch)
        out = tmp_path_factory.mktemp("sweep") / "whole"
        yield sfumato.sweep(RECIPE, SPACE, trials=7, out=out, prune=False, quiet=True)


def test_what_it_leaves(whole):
    table = pl.read_csv(whole.folder / "sweep.csv")
    assert table["state"].to_list() == ["done"] * 7
    assert whole.swept.best.score == table["val_macro_f1"].max()
    assert (whole.folder / "sweep.svg").read_text().count("<svg") == 1
    best = sfumato.load_recipe(whole.recipe).recipe
    assert best.train.optimizer.lr == pytest.approx(whole.swept.best.settings["train.optimizer.lr"])


def test_interrupted_it_goes_on_as_if_it_never_was(whole, tmp_path, monkeypatch):
    """What is interrupted was told nothing to the database, as if it had been killed."""
    going_on, seen = Study.is_worth_going_on, []

    def stop_in_third(self, number, epoch, score):
        seen.append(number)
        if number == 3 and epoch == 2:
            raise Stopped("SIGTERM")
        return going_on(self, number, epoch, score)

    out = tmp_path / "cut"
    with monkeypatch.context() as patch, pytest.raises(Interrupted, match=f"go on with: sfumato sweep --resume {out}$"):
        patch.setattr(Study, "is_worth_going_on", stop_in_third)
        sfumato.sweep(RECIPE, SPACE, trials=7, out=out, prune=False, quiet=True)
    finished = {path.parent.name: path.stat().st_mtime_ns for path in (out / "runs").glob("*/report.html")}
    again = sfumato.sweep(resume=out, quiet=True)
    assert again.swept.trials == whole.swept.trials
    assert len(finished) == 3
    assert finished == {name: (out / "runs" / name / "report.html").stat().st_mtime_ns for name in finished}


def test_finished_ones_are_never_repeated_and_more_may_follow(whole, tmp_path, monkeypatch):
    out = Path(shutil.copytree(whole.folder, tmp_path / "more"))
    monkeypatch.setattr(pool, "PROGRAM", (sys.executable, "-c", "raise SystemExit('begun again')"))
    assert sfumato.sweep(resume=out, quiet=True).swept.trials == whole.swept.trials
    monkeypatch.setattr(pool, "PROGRAM", PRETENDED)
    more = sfumato.sweep(resume=out, trials=8, quiet=True)
    assert more.swept.trials[:7] == whole.swept.trials
    assert len(more.swept.trials) == 8


def test_poor_trials_are_stopped_and_the_best_is_not(tmp_path):
    """Choices drawn by chance: six rates, of which half are far from the good one."""
    space = {"train.optimizer.lr": {"choices": [1e-6, 2e-6, 1e-2, 9e-3]}}
    found = sfumato.sweep(RECIPE, space, trials=14, out=tmp_path / "sweep", quiet=True).swept
    stopped = [trial for trial in found.trials if trial.state == "stopped"]
    assert stopped
    assert all(trial.settings["train.optimizer.lr"] < 1e-3 and trial.epochs < 4 for trial in stopped)
    assert all(trial.number >= 5 for trial in stopped)
    assert found.best.settings["train.optimizer.lr"] == 1e-2


def test_a_trial_that_fails_is_counted_and_the_rest_go_on(tmp_path):
    space = {"train.optimizer.lr": {"choices": [1.0, 1e-2]}}
    found = sfumato.sweep(RECIPE, space, trials=5, out=tmp_path / "sweep", parallel=2, quiet=True).swept
    states = {trial.settings["train.optimizer.lr"]: trial.state for trial in found.trials}
    assert states == {1.0: "failed", 1e-2: "done"}
    assert len(found.trials) == 5


def test_settings_that_are_wrong_only_together_fail_alone(tmp_path):
    """Each choice is right beside the recipe's own settings; a soup of a single epoch is none."""
    space = {"train.epochs": {"choices": [1, 4]}, "train.soup": {"choices": [None, {"epochs": 2}]}}
    found = sfumato.sweep(RECIPE, space, trials=9, out=tmp_path / "sweep", prune=False, quiet=True).swept
    states = {(one.settings["train.epochs"], one.settings["train.soup"] is not None): one.state for one in found.trials}
    assert states == {(1, False): "done", (1, True): "failed", (4, False): "done", (4, True): "done"}
    assert len(found.trials) == 9


def test_what_a_trial_is_measured_by_is_no_setting_to_search(tmp_path):
    space = {"augment.rotate": {"low": 0, "high": 20}, "train.stop": {"choices": [None]}}
    with pytest.raises(InputError, match="changes what a trial is measured by"):
        sfumato.sweep(RECIPE, space, out=tmp_path / "sweep", quiet=True)
    assert not (tmp_path / "sweep").exists()


def test_where_all_fail_it_ends(tmp_path):
    with pytest.raises(RunError, match="the first 3 trials all failed: RunError: the loss is not finite"):
        sfumato.sweep(RECIPE, {"train.optimizer.lr": {"low": 1.0, "high": 2.0}}, out=tmp_path / "sweep", quiet=True)


WRONG = {
    "no space": ({"space": None}, "^no space; expected sfumato sweep RECIPE --space"),
    "no recipe": ({"recipe": None}, "^no recipe"),
    "no trials": ({"trials": 0}, r"^--trials 0; expected a number from 1"),
    "none at a time": ({"parallel": 0}, r"^--parallel 0"),
    "no val part": ({"overrides": {"data.split.val": 0, "decision.calibration": "none"}}, "data.split.val"),
    "no data": ({"recipe": {"model": {"backbone": "resnet18"}}}, "data.source: no data is named"),
    "a space that is not there": ({"space": "nowhere.yaml"}, "nowhere.yaml: no such space"),
    "resumed with another recipe": ({"resume": "x"}, "goes on with its own recipe and space"),
    "resume of nothing": ({"resume": "x", "recipe": None, "space": None, "out": None}, "^x: no sweep there"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line_and_leaves_nothing(name, tmp_path):
    given, message = WRONG[name]
    given = {"recipe": RECIPE, "space": SPACE, "out": tmp_path / "new", **given}
    with pytest.raises(InputError, match=message) as caught:
        sfumato.sweep(given.pop("recipe"), given.pop("space"), quiet=True, **given)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_without_optuna_it_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"^a sweep needs optuna; pip install 'sfumato\[sweep\]'$"):
        sfumato.sweep(RECIPE, SPACE, out=tmp_path / "new", quiet=True)
    assert not (tmp_path / "new").exists()
