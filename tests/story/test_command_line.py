"""The contract of the command line: verbs, help with an example, JSON on stdout alone, exit codes, pictures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import sfumato
from sfumato.cli import app

VERBS = (
    "augment",
    "bench",
    "cascade",
    "check",
    "compare",
    "demo",
    "init",
    "plan",
    "predict",
    "presets",
    "report",
    "serve",
    "schema",
    "train",
    "crossval",
    "decide",
    "ensemble",
    "evaluate",
    "export",
    "ladder",
    "newclasses",
    "soup",
    "sweep",
    "texts",
    "zeroshot",
)


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_the_verbs_are_these():
    assert sorted(command.name or command.callback.__name__ for command in app.registered_commands) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example(verb):
    done = run(verb, "--help")
    assert done.exit_code == 0
    assert f"sfumato {verb}" in done.output.split("Example:")[1]


def test_version():
    from sfumato import __version__

    assert run("--version").output == f"{__version__}\n"


@pytest.mark.parametrize("arguments", [("train", "--fast"), ("predict",), ("trian",), ("plan",)])
def test_wrong_options_are_wrong_input(arguments):
    assert run(*arguments).exit_code == 2


def test_schema_is_json():
    assert json.loads(run("schema").output)["$defs"]["TrainSpec"]


def test_presets_are_listed_and_printed():
    listed = run("presets").output.splitlines()
    assert listed[0].startswith("crop-disease                Crop diseases, 61 classes")
    assert [line.split()[0] for line in listed] == [one["name"] for one in json.loads(run("presets", "--json").output)]
    assert run("presets", "fashion-44-v1").output.startswith("# Fashion articles, 44 classes")
    document = json.loads(run("presets", "fashion-44-v1", "--json").output)
    assert document["recipe"]["model"]["backbone"] == "efficientnet_b0"
    assert "Results: not measured" in document["about"]


def test_plan_takes_a_preset_by_its_name(small_recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos = small_recipe.parent / "photos"
    done = run("plan", "fashion-44-v1", "--set", f"data.source={photos}", "--set", "model.weights=none")
    assert done.exit_code == 0, done.output
    assert "picture: runs/fashion-44-v1-plan/plan.svg" in done.output


def test_plan_prints_and_draws(small_recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("plan", str(small_recipe))
    assert done.exit_code == 0, done.output
    assert "3 epochs" in done.output
    assert "plan: no picture was looked at; training leaves out bad ones and keeps" in done.output
    assert "picture: runs/small-plan/plan.svg, plan.png" in done.output
    assert "cost: about " in done.output
    assert (tmp_path / "runs/small-plan/plan.svg").read_text().startswith("<?xml")
    assert not (tmp_path / "runs/small").exists()
    document = json.loads(run("plan", str(small_recipe), "--json", "--out", "elsewhere").output)
    assert document["picture"] == "elsewhere/plan.svg"
    assert [row["epoch"] for row in document["moments"]] == [0, 1, 2]


def test_plan_before_there_is_data(tmp_path, monkeypatch, small_recipe):
    monkeypatch.chdir(tmp_path)
    Path("later.yaml").write_text("model: {backbone: test_efficientnet}\ntimeline: [{at: 0ep, image_size: 32}]\n")
    document = json.loads(run("plan", "later.yaml", "--samples", "1000", "--no-cost", "--json").output)
    assert (document["samples"], document["cost"]) == (700, None)
    assert document["prior"] == [{"begin": 0, "natural": 1, "effective": 1, "by": []}]
    assert Path(document["png"]).read_bytes().startswith(b"\x89PNG")
    done = run("plan", str(small_recipe), "--classes", "3")
    assert "data.source: there is data" in str(done.exception)
    done = run("plan", "later.yaml", "--set", "timeline[0].batch_size=1")
    assert "later.yaml" in str(done.exception) or "--set" in str(done.exception)
    assert "batch norm can't learn from one image of 32 px" in str(done.exception)


def test_plan_places_mistakes_of_the_timeline(small_recipe):
    done = subprocess.run(
        [sys.executable, "-m", "sfumato", "plan", str(small_recipe), "--set", "timeline[1].at=9ep"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "sfumato: --set: timeline[1].at: 9ep is past the end of training, which lasts 3 epochs\n"


def test_predict_writes_rows(small_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos = small_run.folder.parent / "photos" / "disc"
    done = run("predict", str(small_run.bundle), str(photos), "nothing.png", "--quiet")
    lines = done.stdout.splitlines()
    assert lines[0] == "input,label,confidence,calibrated,abstained,error,p:checks,p:disc,p:条纹"
    assert len(lines) == 52
    assert lines[-1] == "nothing.png,,,True,False,no such file,,,"
    done = run("predict", str(small_run.bundle), str(photos), "--out", "d.parquet", "--quiet", "--json")
    assert json.loads(done.stdout) == {"out": "d.parquet", "rows": 50}


def test_predict_takes_tables(small_run, tmp_path):
    photos = small_run.folder.parent / "photos" / "disc"
    (tmp_path / "list.csv").write_text(f"file,note\n{photos}/000.png,a\nmissing.png,b\n")
    rows = json.loads(run("predict", str(small_run.bundle), str(tmp_path / "list.csv"), "--json", "--quiet").stdout)
    assert [row["error"] for row in rows] == [None, "no such file"]


def test_a_submission_is_like_its_sample(small_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos = small_run.folder.parent / "photos" / "disc"
    (tmp_path / "sample.csv").write_text("image,label\n007,disc\n003,disc\n")
    like = ("--like", "sample.csv", "--out", "submission.csv")
    done = run("predict", str(small_run.bundle), str(photos), *like)
    said = sfumato.load(small_run.bundle).predict([photos / "007.png", photos / "003.png"])
    answers = [next(iter(decision.probabilities)) for decision in said]
    text = f"image,label\n007,{answers[0]}\n003,{answers[1]}\n"
    assert (tmp_path / "submission.csv").read_text(encoding="utf-8") == text
    assert done.stdout == "2 rows in submission.csv\n"
    assert "48 of 50 inputs stand in no row of sample.csv and are left out" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--like", "there.csv"], "--like writes a submission; expected --out with a new .csv"),
        (["--id-column", "id"], "--id-column has no effect without --like; expected --like with a sample file"),
        (["--like", "there.csv", "--out", "d.parquet"], "--like writes a submission; expected --out with a new .csv"),
        (["--like", "there.csv", "--out", "d.csv"], "there.csv: empty"),
        (["--out", "d.xlsx"], "d.xlsx: a file ending in '.xlsx'; expected .csv, .jsonl, .parquet"),
        (["--out", "no/d.csv"], "no: no such folder"),
        (["--out", "there.csv"], "there.csv: there already; expected a new file for --out"),
        (["empty"], "empty: no image in it; expected files ending in"),
    ],
)
def test_predict_refuses_before_it_computes(small_run, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.csv").write_text("")
    (tmp_path / "empty").mkdir()
    done = run("predict", str(small_run.bundle), *([] if options[0] == "empty" else ["x.png"]), *options)
    assert message in str(done.exception)
    assert done.exception.exit_code == 2


def test_report_is_written_anew(small_run):
    page = small_run.folder / "report.html"
    before = page.read_text()
    page.unlink()
    assert json.loads(run("report", str(small_run.folder), "--json").output) == {"report": str(page)}
    assert page.read_text() == before


def test_the_run_folder_holds_what_the_docs_say(small_run):
    text = (Path(__file__).parents[2] / "docs" / "runs.md").read_text()
    for name in (
        "report.html", "recipe.yaml", "plan.txt", "plan.svg", "plan.png", "data/splits.csv", "data/bad_images.csv", "history.csv", "class_history.csv", "events",
        "checkpoints/last", "checkpoints/previous", "checkpoints/best", "predictions/val.parquet", "predictions/test.parquet",
        "metrics.json", "bundle", "env.json",
    ):  # fmt: skip
        assert (small_run.folder / name).exists(), name
        assert name.rpartition("/")[2] in text


def test_tensorboard_has_every_epoch(small_run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(small_run.folder / "events"))
    events.Reload()
    assert {"train/loss", "val/loss", "val/macro_f1", "ema/accuracy", "run/lr"} <= set(events.Tags()["scalars"])
    assert len(events.Scalars("val/loss")) == 3


def test_the_console_tells_an_epoch_a_line(small_recipe, tmp_path, capsys):
    import sfumato

    sfumato.train(small_recipe, out=tmp_path / "run")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert [line.split()[0] for line in lines if "/3" in line[:9]] == ["1/3", "2/3", "3/3"]
    assert any(line.startswith("train.device: cpu") for line in lines)
    assert "\x1b" not in captured.err


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)


def test_a_full_disk_is_one_line():
    done = shell(f"{sys.executable} -m sfumato schema > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "sfumato: the output: No space left on device\n"


def test_a_reader_who_has_seen_enough_is_no_failure():
    done = shell(f"{sys.executable} -m sfumato schema | head -1; echo ${{PIPESTATUS[0]}}")
    assert done.stdout == "{\n0\n"
    assert done.stderr == ""
