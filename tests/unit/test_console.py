"""What the terminal and programs are shown: a line an epoch, plain text, JSON lines, nothing."""

import io
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from sfumato.cli import app
from sfumato.console import FORMS, Console
from sfumato.epoch_line import epoch_line, head
from sfumato.errors import InputError
from sfumato.models.heads import LinearHeadSpec
from sfumato.progress_lines import phase_of
from sfumato.training.keyframe import Keyframe
from sfumato.training.plan import make_plan
from sfumato.training.records import EpochDone, Noted, Started, StepDone
from sfumato.training.schedules import ConstantSpec

SCORES = {"loss": 0.5, "accuracy": 0.75, "tail": None, "macro_f1": 0.25}
KEYFRAMES = [{"at": "0ep", "batch_size": 10}, {"at": "1ep", "mixup_alpha": 0.4}, {"at": "2ep", "mixup_alpha": 0}]


def epoch(number: int, best=None, loss: float = 0.7) -> EpochDone:
    return EpochDone(number, 10 * number + 10, 1e-3, 224, 23_500_000, loss, 0.5, {"raw": SCORES}, best, 123.4, 1.5)


@pytest.fixture
def plan():
    keyframes = [Keyframe.model_validate(one) for one in KEYFRAMES]
    return make_plan(
        keyframes, ConstantSpec(), base_lr=0.01, epochs=3, samples=100, image_size=64, head=LinearHeadSpec()
    )


def shown(monkeypatch, plan, form: str, *, quiet: bool = False) -> str:
    monkeypatch.setenv("SFUMATO_PROGRESS", form)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    console = Console(quiet=quiet)
    console.note(Noted("seed: 0, [the] recipe's"))
    console(Started(plan, 10, (epoch(0),)))
    console(StepDone(10, 1, 10, 1e-3))
    console(epoch(1, best="raw", loss=float("inf")))
    list(console.progress(iter(range(3)), 3, "deciding"))
    console(Noted("beware", warning=True))
    console.close()
    return sys.stderr.getvalue()


def test_plain_text_where_it_is_no_terminal(monkeypatch, plan):
    lines = shown(monkeypatch, plan, "auto").splitlines()
    assert lines[0] == "seed: 0, [the] recipe's" and lines[1] == "going on after step 10 of 30"
    names = lines[2].split()
    assert names == [
        "epoch",
        "phase",
        "lr",
        "px",
        "learns",
        "images/s",
        "loss",
        "val",
        "loss",
        "accuracy",
        "tail",
        "macro-F1",
        "memory",
    ]
    assert lines[3].split() == [
        "1/3",
        "1",
        "1.0e-03",
        "224",
        "23.5M",
        "123",
        "0.7000",
        "0.5000",
        "0.7500",
        "-",
        "0.2500",
        "-",
    ]
    assert lines[4].split()[:3] == ["2/3", "2", "1.0e-03"] and lines[4].endswith("GB best")
    assert lines[5:] == ["warning: beware"] and "\x1b" not in "".join(lines)


def test_json_lines(monkeypatch, plan):
    lines = [json.loads(line) for line in shown(monkeypatch, plan, "json").splitlines()]
    assert [line["event"] for line in lines] == [
        "note",
        "training",
        "epoch",
        "progress",
        "epoch",
        "progress",
        "progress",
        "note",
    ]
    assert lines[0]["text"] == "seed: 0, [the] recipe's" and lines[-1] == {
        "event": "note",
        "text": "beware",
        "warning": True,
    }
    assert lines[1] == {"event": "training", "epochs": 3, "steps": 30, "step": 10}
    past, done = (line for line in lines if line["event"] == "epoch")
    assert past["past"] and not done["past"] and (done["epoch"], done["phase"], done["val_macro_f1"]) == (1, 2, 0.25)
    assert done["train_loss"] is None and done["memory_bytes"] > 0  # JSON has no word for infinity
    begun, ended = (line for line in lines if line.get("what") == "deciding")
    assert (begun["done"], begun["per_second"], ended["done"], ended["seconds_left"]) == (0, None, 3, 0.0)


@pytest.mark.parametrize("form", FORMS)
def test_quiet_is_quiet(monkeypatch, plan, form):
    assert not shown(monkeypatch, plan, form, quiet=True)


def test_a_narrow_terminal_has_fewer_columns():
    narrow = epoch_line(epoch(9, "raw"), 100, (), "map", 10**9, wide=False)
    assert len(narrow) + len(" best") <= 80 and len(head("map", wide=False)) == len(narrow)
    assert "learns" not in head("map", wide=False) and "mAP" in head("map", wide=False)


def test_phases_lie_between_keyframes():
    assert [phase_of(at, (0, 1, 2.5)) for at in range(4)] == [1, 2, 3, 3]


def test_a_form_that_is_none():
    found = CliRunner().invoke(app, ["--progress", "jsno", "presets"])
    assert isinstance(found.exception, InputError) and "did you mean 'json'" in str(found.exception)


def test_a_verb_writes_json_lines(small_run, small_recipe):
    command = [
        sys.executable,
        "-m",
        "sfumato",
        "--progress",
        "json",
        "predict",
        str(small_run.bundle),
        str(small_recipe.parent / "photos" / "disc"),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)) == 50
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(line["event"], line["what"], line["total"]) for line in lines} == {("progress", "deciding", 50)}
    assert lines[-1]["done"] == 50
