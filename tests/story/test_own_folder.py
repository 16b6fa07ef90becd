"""The same recipe trains on a user's own folder, whatever is in it; what cannot work is said in one line."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import RECIPE
from tests.pictures import folder_per_class

import sfumato
from sfumato.cli import main
from sfumato.errors import InputError


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cli(monkeypatch, capsys):
    """The command line, in this process: importing torch anew for every line would take most of the time."""

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["sfumato", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return Done(int(left.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_chinese_names_a_broken_file_and_a_class_of_one(place, cli):
    photos = folder_per_class(place / "photos", {"气压场": 12, "风场": 9, "一张": 1})
    (photos / "风场" / "坏.jpg").write_bytes(b"\xff\xd8 not a jpeg")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in photos.rglob("*") if path.is_file()}
    done = cli("train", "recipe.yaml", "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    run = place / outcome["run"]
    assert (run / "report.html").stat().st_size > 10_000
    bad = pl.read_csv(run / "data" / "bad_images.csv")
    assert bad["id"].to_list() == ["风场/坏.jpg"]
    assert bad["problem"].to_list() == ["not an image in any known format"]
    splits = pl.read_csv(run / "data" / "splits.csv")
    assert len(splits) == 22
    assert splits.filter(pl.col("label") == "一张")["part"].to_list() == ["train"]
    notes = json.loads((run / "env.json").read_text())["notes"]
    assert any("too rare to stand in test, so not measured there: 一张" in note for note in notes)
    decisions = sfumato.load(run).predict([photos / "风场" / "坏.jpg", photos / "气压场" / "000.png"])
    assert decisions[0].error == "not an image in any known format"
    assert set(decisions[1].probabilities) == {"气压场", "风场", "一张"}
    assert before == {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in photos.rglob("*") if path.is_file()
    }


def test_two_photographs_a_class(place):
    folder_per_class(place / "photos", {"a": 2, "b": 2})
    run = sfumato.train(place / "recipe.yaml", overrides={"decision.abstain": None}, out=place / "run", quiet=True)
    assert run.metrics["test"]["samples"] == 1
    assert not sfumato.load(run.bundle).predict([place / "photos" / "a" / "000.png"])[0].calibrated


def test_a_table_with_groups(place):
    photos = folder_per_class(place / "pics", {"a": 16, "b": 16})
    paths = sorted(photos.rglob("*.png"))
    lines = [
        "where,what,patient",
        *(f"{path.relative_to(place)},{path.parent.name},p{int(path.stem) // 2}" for path in paths),
    ]
    (place / "table.csv").write_text("\n".join(lines))
    overrides = {"data": {"source": "table.csv", "columns": {"image": "where", "label": "what"}}}
    run = sfumato.train(
        place / "recipe.yaml",
        overrides={**overrides, "data.source": str(place / "table.csv")},
        out=place / "run",
        quiet=True,
    )
    splits = pl.read_csv(run.folder / "data" / "splits.csv")
    assert splits.group_by("group").agg(pl.col("part").n_unique())["part"].max() == 1
    assert splits["group"].n_unique() == 8


def test_a_new_run_never_overwrites_an_old_one(place, cli):
    folder_per_class(place / "photos", {"a": 6, "b": 6})
    for name in ("small", "small-2"):
        done = cli("train", "recipe.yaml", "--set", "train.epochs=3", "--json", "--quiet")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["run"] == f"runs/{name}"
    done = cli("train", "recipe.yaml", "--out", "runs/small")
    assert done.returncode == 2
    assert done.stderr == "sfumato: runs/small: holds something already; expected a new or empty folder for --out\n"


WRONG = {
    "no such folder": (lambda p: None, [], "recipe.yaml:3: data.source: no such file or folder: "),
    "an empty folder": (lambda p: (p / "photos").mkdir(), [], "an empty folder; expected one sub-folder of images a class"),
    "one class": (lambda p: folder_per_class(p / "photos", {"a": 4}), [], "only one class, 'a'; expected at least two classes"),
    "only broken images": (
        lambda p: [(p / "photos" / c).mkdir(parents=True) or (p / "photos" / c / "x.png").write_bytes(b"") for c in "ab"],
        [],
        "2 of 2 samples can't be used (empty file: ",
    ),
    "a typo": (lambda p: None, ["--set", "train.epohs=3"], "--set: train.epohs: unknown setting; did you mean 'epochs'?"),
    "no such recipe": (lambda p: (p / "recipe.yaml").rename(p / "other.yaml"), [], "recipe.yaml: no such recipe; expected a YAML file"),
    "an unknown backbone": (
        lambda p: folder_per_class(p / "photos", {"a": 4, "b": 4}),
        ["--set", "model.backbone=resnet19"],
        "--set: model.backbone: timm has no 'resnet19'; did you mean 'resnet1",
    ),
    "a keyframe past the end": (
        lambda p: folder_per_class(p / "photos", {"a": 4, "b": 4}),
        ["--set", "train.epochs=2"],
        "recipe.yaml:10: timeline[2].at: 2ep is past the end of training, which lasts 2 epochs",
    ),
    "a pattern that matches nothing": (
        lambda p: folder_per_class(p / "photos", {"a": 4, "b": 4}),
        ["--set", "timeline[0].learn={haed.*: 1, '*': frozen}"],
        "--set: timeline[0].learn: pattern 'haed.*' matches no parameter",
    ),
    "a validation part without a sample": (
        lambda p: folder_per_class(p / "photos", {"a": 1, "b": 1}),
        [],
        "recipe.yaml:11: decision.abstain: has no effect: no sample stands in the val part, so no threshold can be fitted",
    ),
    "a checkpoint after the end": (
        lambda p: folder_per_class(p / "photos", {"a": 8, "b": 8}),
        ["--set", "train.checkpoint.keep=900st"],
        "--set: train.checkpoint.keep: has no effect: 900st is past its end: training lasts 3 epochs, ",
    ),
    "a device that is not there": (
        lambda p: folder_per_class(p / "photos", {"a": 4, "b": 4}),
        ["--set", "train.device=mps"],
        "--set: train.device: no mps device here; expected auto, or one of cpu",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line_and_leaves_nothing(place, cli, name):
    prepare, options, message = WRONG[name]
    prepare(place)
    done = cli("train", "recipe.yaml", *options, "--quiet")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.startswith("sfumato: ")
    assert done.stderr.count("\n") == 1
    assert not (place / "runs").exists()


def test_a_class_of_broken_images_only_is_dropped(place):
    folder_per_class(place / "photos", {"a": 6, "b": 6, "gone": 1})
    (place / "photos" / "gone" / "000.png").write_bytes(b"x")
    run = sfumato.train(place / "recipe.yaml", out=place / "run", quiet=True)
    assert sfumato.load(run.bundle).labels.names == ("a", "b")
    assert any(
        "class 'gone' has no usable image" in note
        for note in json.loads((run.folder / "env.json").read_text())["notes"]
    )


def test_an_image_that_vanishes_is_a_failed_run(place, monkeypatch):
    from sfumato.data.health import usable

    folder_per_class(place / "photos", {"a": 12, "b": 12})
    monkeypatch.setattr(usable, "_problem", lambda pictures, path: shutil.rmtree(place / "photos", ignore_errors=True))
    with pytest.raises(sfumato.RunError, match="no such file; it could be read when the run began"):
        sfumato.train(place / "recipe.yaml", out=place / "run", quiet=True)


def test_python_says_the_same(place):
    with pytest.raises(InputError, match="no recipe; expected the path of a recipe"):
        sfumato.train()
    with pytest.raises(InputError, match="no run there"):
        sfumato.train(resume=place)
