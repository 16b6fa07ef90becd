"""Classes named one after another, from a table to a bundle and its answers."""

import json

import numpy as np
import polars as pl
import pytest
from tests.pictures import folder_per_class, marks
from typer.testing import CliRunner

import sfumato
from sfumato.cli.app import app
from sfumato.errors import InputError
from sfumato.export.exporting import export
from sfumato.models.classifier import Classifier

RECIPE = """
name: marks
data: {source: table.csv, columns: {label: marks}, split: {val: 0.3, test: 0.2}}
model:
  kind: cnn_rnn
  backbone: test_efficientnet
  weights: none
  decoder: {hidden: 32, embedding: 16, layers: 1, dropout: 0.1, beam: 3}
train: {epochs: 8, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 48, batch_size: 16, label_smoothing: 0.05, teacher_forcing: {to: 0.5, over: 8ep}}
  - {at: 2ep, ema_decay: 0.8}
decision: {misses: 0.1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("sequences")
    marks(root, 240)
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def run(folder):
    return sfumato.train(folder / "recipe.yaml", out=folder / "run", quiet=True)


def test_it_learns_and_the_share_of_its_branches_is_told(run):
    assert run.metrics["test"]["scores"]["map"]["value"] > 0.9
    branches = json.loads((run.folder / "branches.json").read_text())
    assert 0 <= branches["head_share"] <= 1
    losses = branches["selection_log_loss"]
    assert losses["both"] <= min(losses["head"], losses["decoder"]) + 1e-9
    history = pl.read_csv(run.folder / "history.csv")
    assert history["train_loss"].is_finite().all() and history["val_map"][-1] > history["val_map"][0]


def test_the_bundle_answers_as_the_run_did(run, folder):
    model, table = sfumato.load(run.bundle, device="cpu"), run.predictions["test"]
    found = np.concatenate([row.logits for _, row in model.scored([folder / name for name in table.ids])])
    assert np.allclose(found, table.logits, atol=1e-4)
    decisions = model.predict([folder / name for name in table.ids])
    truth = [{table.labels.names[c] for c in np.flatnonzero(row)} for row in table.truth]
    right = [set(decision.labels) == true for decision, true in zip(decisions, truth, strict=True)]
    assert np.mean(right) > 0.6
    assert not list(run.bundle.rglob("*.p*kl"))


def test_a_run_that_is_gone_on_with_is_the_same(run, folder):
    settings = {"train.epochs": 3, "timeline[0].teacher_forcing": {"to": 0.5, "over": "3ep"}}
    whole = sfumato.train(folder / "recipe.yaml", overrides=settings, out=folder / "whole", quiet=True)
    for name in ("bundle", "branches.json", "report.html"):
        path = whole.folder / name
        path.rename(path.with_name(f"former-{name}"))
    again = sfumato.train(resume=whole.folder, quiet=True)
    former = json.loads((whole.folder / "former-branches.json").read_text())
    assert json.loads((again.folder / "branches.json").read_text()) == former


def test_while_only_head_and_decoder_learn_pictures_are_looked_at_once(folder, monkeypatch):
    looks, compute = [], Classifier.features
    monkeypatch.setattr(Classifier, "features", lambda self, shown: looks.append(self.training) or compute(self, shown))
    settings = {
        "train.epochs": 2,
        "timeline": [{"at": "0ep", "image_size": 48, "augment": 0, "learn": {"backbone.*": "frozen", "*": 1}}],
    }
    sfumato.train(folder / "recipe.yaml", overrides=settings, out=folder / "frozen", quiet=True)
    assert looks and not any(looks)


def test_its_plan_is_drawn(folder, tmp_path):
    done = CliRunner().invoke(app, ["plan", str(folder / "recipe.yaml"), "--out", str(tmp_path / "plan")])
    assert done.exit_code == 0, done.output
    assert "forcing" in done.output


def test_no_graph_is_written_of_it(run, tmp_path):
    with pytest.raises(InputError, match="--to onnx: the network names classes one after another"):
        export(run.bundle, tmp_path / "onnx", quiet=True)
    assert not list(tmp_path.iterdir())


WRONG = [
    ({"model.decoder.longest": 1}, "model.decoder.longest: at most 1 classes, and"),
    ({"timeline[1].mixup_alpha": 0.2}, "timeline[1].mixup_alpha: blends pictures, and sequences of classes can't be"),
    ({"model.decoder.order": "alphabetic"}, "model.decoder.order"),
    ({"model.decoder.sequence_weight": 0}, "model.decoder.sequence_weight"),
    ({"model.backbone": "resnet5"}, "model.backbone: timm has no 'resnet5'; did you mean 'resnet50'"),
    ({"timeline[0].loss": {"kind": "tail_focal"}}, "timeline[0].loss"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_what_makes_no_sense_is_one_line(folder, tmp_path, settings, message):
    with pytest.raises(InputError) as caught:
        sfumato.train(folder / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_one_class_a_picture_is_refused(tmp_path):
    folder_per_class(tmp_path / "photos", {"disc": 12, "checks": 12})
    model = {"kind": "cnn_rnn", "backbone": "test_efficientnet", "weights": "none"}
    with pytest.raises(
        InputError, match=r"model\.kind: cnn_rnn names several classes, and an image is of one class here"
    ):
        sfumato.train({"data": {"source": str(tmp_path / "photos")}, "model": model}, out=tmp_path / "run", quiet=True)
