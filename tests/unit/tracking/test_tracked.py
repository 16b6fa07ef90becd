"""Trackers: what they are told, what their own local stores then hold, and that a training outlives them."""

import json
import struct
import time
from contextlib import suppress
from pathlib import Path

import pytest

from sfumato.console import Console
from sfumato.errors import Interrupted
from sfumato.recipe.load import load_recipe, without_folders
from sfumato.run_folder import RunFolder
from sfumato.tracking import tracked as module
from sfumato.tracking.mlflow import allowed
from sfumato.tracking.tracked import tracked
from sfumato.tracking.tracker import flat, scalars_of
from sfumato.training.records import EpochDone

RECIPE = {"name": "leaves", "data": {"source": "photos"}, "model": {"backbone": "test_resnet"}}
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)


def recipe(*trackers):
    return load_recipe(RECIPE, {"train.trackers": list(trackers)} if trackers else None).recipe


def epoch(number: int) -> EpochDone:
    scores = {"loss": 0.5, "macro_f1": 0.25 * number, "tail": None}
    return EpochDone(number, 10 * number + 10, 1e-3, 32, 5, 0.7, 0.5, {"raw": scores}, "raw", 99.0, 1.5)


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    found = RunFolder(tmp_path / "leaves")
    found.path.mkdir()
    (found.path / "plan.png").write_bytes(PIXEL)
    (found.path / "report.html").write_text("<p>report</p>")
    results = {"samples": 3, "scores": {"accuracy": {"value": 2 / 3, "low": 0.1, "high": 0.9}}}
    names = [{"name": "a"}, {"name": "病害"}]
    found.metrics.write_text(
        json.dumps({"test": {**results, "confusion": [[1, 1], [0, 1]], "classes": names}}), encoding="utf-8"
    )
    return found


class Spy:
    id = "one"

    def __init__(self, failing: str = "") -> None:
        self.told, self._failing = [], failing

    def __getattr__(self, name):
        def tell(*given, **named):
            if name == self._failing:
                raise ConnectionError("the service\nis gone")
            self.told.append((name, given, named))

        return tell


def watched(monkeypatch, folder, *spies):
    found = iter(spies)
    monkeypatch.setattr(module, "_open", lambda *_: next(found))
    kinds = ({"kind": "wandb"}, {"kind": "mlflow"})[: len(spies)]
    return tracked(folder, recipe(*kinds), Console(), main=True)


def test_what_they_are_told(monkeypatch, folder):
    spy = Spy()
    with watched(monkeypatch, folder, spy) as trackers:
        trackers(epoch(0))
        trackers.close()
        trackers.conclude(folder)
    names = [name for name, _, _ in spy.told]
    assert names == ["picture", "scalars", "result", "picture", "files", "end"]
    figures, step = spy.told[1][1]
    assert step == 10 and figures == scalars_of(epoch(0))
    assert figures["val/macro_f1"] == 0 and figures["train/loss"] == 0.7 and figures["run/lr"] == 1e-3
    assert "val/tail" not in figures and "run/step" not in figures
    assert spy.told[2][1] == ({"test/accuracy": pytest.approx(2 / 3)},)
    assert spy.told[3][1][0] == "confusion/test" and spy.told[-1][2] == {"failed": False}
    assert [path.name for path in spy.told[4][1][0]] == ["report.html", "metrics.json"]
    assert json.loads((folder.path / "trackers.json").read_text()) == {"wandb": "one"}


def test_a_training_that_stops_ends_them_as_failed(monkeypatch, folder):
    spy = Spy()
    with suppress(Interrupted), watched(monkeypatch, folder, spy):
        raise Interrupted("stopped")
    assert spy.told[-1] == ("end", (), {"failed": True})


def test_one_that_fails_is_told_no_more(monkeypatch, folder, capsys):
    failing, other = Spy("scalars"), Spy()
    with watched(monkeypatch, folder, failing, other) as trackers:
        trackers(epoch(0))
        trackers(epoch(1))
    assert [name for name, _, _ in failing.told] == ["picture"]
    assert [name for name, _, _ in other.told] == ["picture", "scalars", "scalars", "end"]
    assert capsys.readouterr().err.count("warning: wandb is told no more: the service is gone") == 1


def test_one_that_does_not_open_stops_nothing(folder, capsys, monkeypatch):
    monkeypatch.setattr(module, "_open", lambda *_: 1 / 0)
    with tracked(folder, recipe({"kind": "wandb"}), Console(), main=True) as trackers:
        trackers(epoch(0))
    assert "wandb is not told of this run: division by zero" in capsys.readouterr().err
    assert not (folder.path / "trackers.json").exists()


def test_other_processes_tell_nothing(folder, monkeypatch):
    monkeypatch.setattr(module, "_open", lambda *_: pytest.fail("opened"))
    with tracked(folder, recipe({"kind": "wandb"}), Console(), main=False):
        pass


def test_a_recipe_as_paths():
    assert flat({"a": {"b": 1, "c": {}}, "d": [1, {"e": 2}]}) == {"a.b": 1, "d": [1, {"e": 2}]}


def test_names_that_mlflow_refuses():
    found = allowed({"decision.priors.病害 (old)": 0.5, "val.kind=2/macro_f1": 1.0, "train.lr": 1})
    assert found == {"decision.priors.病害 _old_": 0.5, "val.kind_2/macro_f1": 1.0, "train.lr": 1}
    validation = pytest.importorskip("mlflow.utils.validation")
    for name in found:
        validation._validate_param_name(name)
        validation._validate_metric_name(name)


def test_servers_do_not_leave_the_machine():
    assert without_folders(recipe({"kind": "mlflow", "store": "http://user:secret@host"})).train.trackers == ()


def blocks(path: Path):
    """The records of a W&B transaction log: LevelDB's log format behind seven bytes of header."""
    data, at, whole = path.read_bytes(), 7, b""
    assert data[:4] in (b":W&B", b"")
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield whole
            whole = b""


def kept(folder: Path) -> list:
    """Once the last of them is written, which the service does after it has said that it is done."""
    from wandb.proto import wandb_internal_pb2 as pb

    (log,) = folder.glob("wandb/offline-run-*/*.wandb")
    for _ in range(300):
        records = []
        for block in blocks(log):
            records.append(pb.Record())
            records[-1].ParseFromString(block)
        if records and records[-1].WhichOneof("record_type") == "exit":
            return records
        time.sleep(0.1)
    raise AssertionError("never ended")


def test_wandb_keeps_it_offline(folder, monkeypatch):
    pytest.importorskip("wandb")
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(folder.path.parent / name))
    with tracked(folder, recipe({"kind": "wandb", "mode": "offline"}), Console(), main=True) as trackers:
        trackers(epoch(0))
        trackers(epoch(1))
        trackers.conclude(folder)
    records = kept(folder.path)
    rows = [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in one.history.item}
        for one in records
        if one.WhichOneof("record_type") == "history"
    ]
    scored = [row for row in rows if "val/macro_f1" in row]
    assert [(row["_step"], row["val/macro_f1"], row["train/loss"]) for row in scored] == [
        (10, 0.0, 0.7),
        (20, 0.25, 0.7),
    ]
    (begun,) = [one.run for one in records if one.WhichOneof("record_type") == "run"]
    assert (begun.project, begun.display_name) == ("sfumato", "leaves")
    assert json.loads((folder.path / "trackers.json").read_text()) == {"wandb": begun.run_id}
    artefacts = [
        one.request.log_artifact.artifact if one.WhichOneof("record_type") == "request" else one.artifact
        for one in records
        if one.WhichOneof("record_type") in ("artifact", "request")
    ]
    held = {entry.path for one in artefacts for entry in one.manifest.contents}
    pictures = list(folder.path.glob("wandb/offline-run-*/files/media/images/**/*.png"))
    assert len(pictures) == 2 and held == {"report.html", "metrics.json"}, {
        one.WhichOneof("record_type") for one in records
    }


@pytest.mark.slow
def test_mlflow_keeps_it_in_a_local_store(folder):
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient

    store = f"sqlite:///{folder.path.parent / 'mlflow.db'}"
    told = recipe({"kind": "mlflow", "store": store, "experiment": "of leaves"})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.path.parent)
        for number in range(2):  # the second goes on with the first
            with tracked(folder, told, Console(), main=True) as trackers:
                trackers(epoch(number))
                trackers.conclude(folder)
    client = MlflowClient(tracking_uri=store)
    (run,) = client.search_runs([client.get_experiment_by_name("of leaves").experiment_id])
    assert (run.info.run_name, run.info.status) == ("leaves", "FINISHED")
    assert [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "val/macro_f1")] == [
        (10, 0.0),
        (20, 0.25),
    ]
    assert (
        run.data.metrics["test/accuracy"] == pytest.approx(2 / 3) and run.data.params["model.backbone"] == "test_resnet"
    )
    assert {one.path for one in client.list_artifacts(run.info.run_id)} >= {"report.html", "metrics.json", "pictures"}
