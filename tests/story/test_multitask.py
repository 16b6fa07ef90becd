"""Two label columns, one model: trained, killed and gone on with, decided, bundled, predicted and reported, task by task."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.pictures import COLOURS, KINDS, shapes_and_colours
from typer.testing import CliRunner

import sfumato
from sfumato.cli.app import app
from sfumato.decision.policies import policies_from_dict
from sfumato.errors import InputError
from sfumato.predictions import UNKNOWN
from sfumato.starter import starting_recipe
from sfumato.tensor_file import read_tensors

RECIPE = """
name: two
data:
  source: table.csv
  columns: {label: [shape, colour]}
  split: {val: 0.2, test: 0.25, near_duplicates: ignored}
model: {backbone: test_efficientnet, weights: none}
augment: {flips: [horizontal]}
train:
  epochs: 8
  optimizer: {lr: 1e-2}
  schedule: {warmup: 1ep}
  task_weights: uncertainty
  sampler_task: colour
  accumulate: 2
  precision: fp32
  checkpoint: {every: 2st}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 16, mixup_alpha: 0.2, sampler_power: 0.5, learn: {uncertainty: 5, "*": 1}}
  - {at: 5ep, mixup_alpha: 0, label_smoothing: 0.05, ema_decay: 0.9}
  - {at: 6ep, head: {kind: cosine, start: old_rows}}
decision: {abstain: {max_error: 0.2}}
"""
TENSORS = (
    "bundle/weights.safetensors",
    "checkpoints/last/model.safetensors",
    "checkpoints/last/optimizer.safetensors",
    "checkpoints/last/average.safetensors",
    "checkpoints/best/model.safetensors",
)
TIMES = ("images_per_second", "seconds")
DRIVER = Path(__file__).with_name("killed_at.py")
TASKS = {"shape": tuple(sorted(KINDS)), "colour": tuple(sorted(COLOURS))}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("multitask")
    shapes_and_colours(root, 200)
    (root / "recipe.yaml").write_text(RECIPE)
    return root / "recipe.yaml"


@pytest.fixture(scope="module")
def run(recipe) -> "sfumato.Run":
    return sfumato.Run(train(recipe, "run", []))


def train(recipe: Path, name: str, kills: list[int]) -> Path:
    out = recipe.parent / name
    command = [sys.executable, str(DRIVER), str(recipe), str(out), "0", *map(str, kills)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "sfumato", *arguments], capture_output=True, text=True, check=False)


def told(*arguments: str) -> str:
    """As `cli`, within this process, and what it prints."""
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_both_tasks_are_learnt(run):
    assert list(run.metrics) == ["val.shape", "val.colour", "test.shape", "test.colour"]
    scores = {task: run.metrics[f"test.{task}"]["scores"]["accuracy"]["value"] for task in TASKS}
    assert scores["colour"] > 0.9
    assert scores["shape"] > 0.6


@pytest.mark.slow
def test_killed_three_times_gives_the_same_weights(recipe, run):
    killed = train(recipe, "killed", [3, 25, 17])
    for name in TENSORS:
        assert (killed / name).read_bytes() == (run.folder / name).read_bytes(), name
    histories = [pl.read_csv(folder / "history.csv").drop(TIMES) for folder in (killed, run.folder)]
    assert histories[0].equals(histories[1])
    assert (killed / "class_history.csv").read_bytes() == (run.folder / "class_history.csv").read_bytes()


def test_learnt_weights_are_in_checkpoints_and_not_in_the_bundle(run):
    learnt = read_tensors(run.folder / "checkpoints/last/model.safetensors")["uncertainty"]
    assert learnt.shape == (2,)
    assert learnt.abs().min() > 0
    names = read_tensors(run.bundle / "weights.safetensors").keys()
    assert "uncertainty" not in names
    assert {name for name in names if name.startswith("head.")} == {"head.shape.weight", "head.colour.weight"}


def test_history_has_the_mean_and_each_task(run):
    history = pl.read_csv(run.folder / "history.csv", infer_schema_length=None)
    for score in ("loss", "accuracy", "macro_f1"):
        each = (history[f"val_{score}.shape"] + history[f"val_{score}.colour"]) / 2
        assert np.allclose(history[f"val_{score}"], each)
    best = history.filter(pl.col("best").is_not_null())[-1]
    shown = history.select(pl.max_horizontal("val_macro_f1", "ema_macro_f1").max()).item()
    assert max(best["val_macro_f1"].item(), best["ema_macro_f1"].item() or 0) == shown


def test_a_sample_without_an_answer_is_left_out_of_that_task_alone(run):
    rows = pl.read_parquet(run.folder / "data/table.parquet").filter(pl.col("part") == "test")
    for task in TASKS:
        said = run.predictions[f"test.{task}"]
        assert list(said.ids) == rows["id"].to_list()
        unknown = rows[f"label.{task}"].is_null().to_numpy()
        assert ((said.truth == UNKNOWN) == unknown).all()
        assert run.metrics[f"test.{task}"]["samples"] == int((~unknown).sum())
    assert not (run.folder / "predictions/test.parquet").exists()


def test_the_bundle_gives_both_answers_by_each_tasks_policy(run):
    model = sfumato.load(run.bundle)
    tables = {task: run.predictions[f"test.{task}"] for task in TASKS}
    decisions = model.predict([run.folder.parent / name for name in tables["shape"].ids])
    for task, said in tables.items():
        verdicts = model.policies[task].apply(said.logits)
        for i, decision in enumerate(decisions):
            answer = decision.answers[task]
            expected = dict(zip(TASKS[task], verdicts.probabilities[i], strict=True))
            assert answer.probabilities == pytest.approx(expected, abs=1e-4)
            assert answer.abstained == bool(verdicts.abstained[i])
            assert answer.label == (None if answer.abstained else TASKS[task][verdicts.predicted[i]])
    assert decisions[0].label is None
    assert model.policies["shape"].calibrator != model.policies["colour"].calibrator
    with pytest.raises(InputError, match=r"several tasks \(shape, colour\)"):
        _ = model.labels


def test_predict_on_the_command_line(run, tmp_path):
    pictures = [str(run.folder.parent / "pictures" / f"{i:03}.png") for i in range(3)]
    done = cli("predict", str(run.bundle), *pictures, "nothing.png", "--quiet")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    said = [f"{what}.{task}" for task in TASKS for what in ("label", "confidence", "calibrated", "abstained")]
    chances = [f"p.{task}:{name}" for task, names in TASKS.items() for name in names]
    assert list(rows[0]) == ["input", *said, "error", *chances]
    assert rows[3]["error"] == "no such file"
    assert rows[3]["label.shape"] == ""
    document = json.loads(told("predict", str(run.bundle), *pictures, "--json", "--quiet"))
    assert list(document[0]) == ["input", "answers", "error"]
    assert [one["answers"]["colour"]["label"] or "" for one in document] == [row["label.colour"] for row in rows[:3]]
    for suffix in (".parquet", ".jsonl"):
        out = tmp_path / f"d{suffix}"
        told("predict", str(run.bundle), *pictures, "nothing.png", "--out", str(out), "--quiet")
    table = pl.read_parquet(tmp_path / "d.parquet")
    assert table.columns == list(rows[0])
    assert table["confidence.colour"].to_list()[:3] == [float(row["confidence.colour"]) for row in rows[:3]]
    last = json.loads((tmp_path / "d.jsonl").read_text().splitlines()[-1])
    assert last == {"input": "nothing.png", "answers": {}, "error": "no such file"}


def test_the_report_shows_every_task(run):
    page = (run.folder / "report.html").read_text()
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    for task in TASKS:
        assert {f"{what}: {task}" for what in ("Test", "Classes", "Confusion", "Confidence")} <= set(headings)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "shape: On " in page
    assert "colour: On " in page
    assert re.search(r'title="colour: (\d\.\d\d )?(red|green|blue)"', page)
    told("report", str(run.folder))
    assert (run.folder / "report.html").read_text() == page


def test_the_summary_shows_every_task(run):
    from sfumato.report.summary import summary
    from sfumato.run_folder import open_folder

    lines = summary(open_folder(run.folder))
    assert {"shape", "colour"} <= set(lines)
    assert sum(line.startswith("  macro-F1") for line in lines) == 2


def test_the_bundle_is_readable_and_refuses_policies_of_other_tasks(run, tmp_path):
    labels = (run.bundle / "labels.yaml").read_text()
    assert labels.startswith("shape:\n- id: checks\n")
    assert "colour:\n- id: blue\n" in labels
    policy = json.loads((run.bundle / "policy.json").read_text())
    assert list(policy["tasks"]) == list(TASKS)
    layout = sfumato.load(run.bundle).tasks
    for spoilt in ({}, {"tasks": 3}, {"tasks": {"shape": policy["tasks"]["shape"]}}, {**policy, "temperature": 1}):
        with pytest.raises(InputError, match="policy.json: not policies"):
            policies_from_dict(spoilt, layout, "policy.json")


def test_a_moved_bundle_answers_alike(run, tmp_path):
    copy = shutil.copytree(run.bundle, tmp_path / "bundle")
    pictures = [run.folder.parent / "pictures" / f"{i:03}.png" for i in range(4)]
    here, there = (sfumato.load(path).predict(pictures) for path in (run.bundle, copy))
    assert here == there


def test_init_writes_a_recipe_of_several_tasks(recipe):
    text = starting_recipe(str(recipe.parent / "table.csv"), {"data.columns.label": ["shape", "colour"]})
    assert "# shape: 185 samples of 3 classes" in text
    assert 'columns: {"label": ["shape", "colour"]}' in text


def test_fixed_weights_and_a_task_alone(recipe, tmp_path):
    weights = {"train.task_weights": {"shape": 0.25}, "train.epochs": 1, "timeline": [], "train.sampler_task": None}
    small = {"timeline": [{"at": "0ep", "image_size": 32, "batch_size": 16}]}
    both = sfumato.train(recipe, overrides={**weights, **small}, out=tmp_path / "both", quiet=True)
    assert "uncertainty" not in read_tensors(both.folder / "checkpoints/last/model.safetensors")
    alone = {"data.columns.label": "shape", "train.task_weights": None}
    one = sfumato.train(recipe, overrides={**weights, **alone, **small}, out=tmp_path / "one", quiet=True)
    assert list(one.metrics) == ["val", "test"]
    assert sfumato.load(one.bundle).predict([recipe.parent / one.predictions["test"].ids[0]])[0].answers is None
