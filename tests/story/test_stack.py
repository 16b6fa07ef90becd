"""Experts of words, texts and pictures, from the preset to one bundle that answers from picture and text."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from tests.products import products
from typer.testing import CliRunner

import sfumato
from sfumato.cli.app import app
from sfumato.errors import InputError
from sfumato.folds import cross_validation
from sfumato.predict.inputs import WithText
from sfumato.stacking import stacking

COUNT = 160
EXPERTS = "experts"


def settings(root: Path) -> dict[str, object]:
    """The preset with small networks, few epochs and one thread of work."""
    each = {"precision": "fp32", "workers": 0}
    text = {"kind": "ngrams", "width": 32, "buckets": 512}
    changes = {
        "words.train.epochs": 6,
        "text.train.epochs": 4,
        "text.model.text": text,
        "text.train.optimizer.lr": 3e-2,
        "image.train.epochs": 12,
        "image.model.backbone": "test_resnet",
        "image.model.weights": "none",
        "image.timeline": [{"at": "0ep", "image_size": 32, "batch_size": 16}],
        "image.train.optimizer.lr": 2e-2,
        **{f"{expert}.train.{name}": value for expert in ("words", "text", "image") for name, value in each.items()},
    }
    places = {"data.source": str(root / "products.csv"), "data.images": str(root / "pictures")}
    return {**places, **{f"{EXPERTS}.{name}": value for name, value in changes.items()}}


def wares(root: Path) -> dict[str, object]:
    """Products of which some have no picture, some a broken one, some no text and one neither."""
    products(root, COUNT)
    for i in range(0, COUNT, 20):
        (root / "pictures" / f"p{i:03}.png").unlink()
    (root / "pictures" / "p003.png").write_bytes(b"no picture")
    lines = (root / "products.csv").read_text().splitlines()
    for i in (0, 7, 11):  # p000 has no picture either
        id_, _, _, label = lines[i + 1].split(",")
        lines[i + 1] = f"{id_},,,{label}"
    (root / "products.csv").write_text("\n".join(lines) + "\n")
    return settings(root)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def done(root) -> sfumato.Stack:
    return sfumato.stack("product-stack", overrides=wares(root), folds=2, out=root / "stack", quiet=True)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_experts_hold_out_the_same_samples_and_nobody_trained_on_what_it_answers_for(done):
    dealt = {row["id"]: row["fold"] for row in rows(done.folder / "folds.csv")}
    assert len(dealt) == COUNT - 1
    for name, expert in done.experts.items():
        for place, run in enumerate(expert.folds):
            held = {row["id"] for row in rows(run.folder / "data" / "splits.csv") if row["part"] == "val"}
            assert held and held <= {one for one, fold in dealt.items() if fold == str(place)}, name
    lacking = {name: COUNT - 1 - len(expert.predictions["oof"].ids) for name, expert in done.experts.items()}
    assert lacking == {"words": 2, "text": 2, "image": 8}


def test_the_stack_knows_more_than_any_of_its_experts(done):
    """The picture shows the kind and the text names the thing: neither tells both."""
    summary = done.ensemble.summary
    assert len(done.ensemble.predictions["oof"].ids) == COUNT - 1
    assert summary.kind == "stacked"
    assert summary.selection.results["scores"]["accuracy"]["value"] > max(summary.selection.members) + 0.1


def test_the_bundle_answers_from_picture_and_text_and_without_either(done, root):
    model, shown = sfumato.load(done.bundle), root / "pictures" / "p002.png"
    asked = [WithText(shown, "steel lid"), WithText(None, "steel lid"), shown, WithText(None, "")]
    both, text, image, nothing = model.predict(asked)
    assert "pot" in both.label and both.without is None
    assert "pot" in text.label and text.without == "image"
    assert image.label is not None and image.without == "text"
    assert nothing.error == "no image, and no text"


def test_one_command_makes_it_and_another_goes_on_with_it(root, done, tmp_path, monkeypatch):
    folder, fused = tmp_path / "stack", stacking.fuse

    def stopped(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stacking, "fuse", stopped)
    words = ["--quiet", "--folds", "2", "--out", str(folder)]
    for name, value in settings(root).items():
        words += ["--set", f"{name}={json.dumps(value)}"]
    first = CliRunner().invoke(app, ["crossval", "product-stack", *words])
    assert str(first.exception) == f"stopped by SIGINT; go on with: sfumato crossval --resume {folder}"
    assert not (folder / "bundle").exists()
    monkeypatch.setattr(stacking, "fuse", fused)
    monkeypatch.setattr(cross_validation, "train", None)  # nothing is trained anew
    again = CliRunner().invoke(app, ["crossval", "--resume", str(folder), "--quiet", "--json"])
    assert again.exit_code == 0, again.output
    assert json.loads(again.output)["bundle"] == str(folder / "bundle")
    logits = [one.ensemble.predictions["oof"].logits for one in (done, sfumato.Stack(folder))]
    assert np.allclose(*logits, atol=1e-4)
    assert "finished already" not in again.output


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.source": "gone.csv"}, "gone.csv"),
        ({"experts.text": {"model": {"backbone": "resnet5"}}}, "timm has no 'resnet5'"),
        ({"experts.image.model.weights": {"file": "gone.pth"}}, "gone.pth"),
        ({"data.split.by": "time"}, "data.split.by: folds by time, which a table of folds can't hold"),
        ({"data.split.fold": 1}, "data.split.fold: is for a single run"),
        ({"experts": {"image": {}}}, "experts: fewer than two"),
        ({"fusion.weights": "each"}, 'fusion.weights: found "each"'),
    ],
)
def test_what_is_wrong_with_any_expert_is_said_before_any_is_trained(root, done, tmp_path, changes, said):
    with pytest.raises(InputError) as told:
        sfumato.stack("product-stack", overrides={**settings(root), **changes}, out=tmp_path / "x", quiet=True)
    assert said in str(told.value) and "\n" not in str(told.value)
    assert not (tmp_path / "x").exists()


def test_experts_are_no_recipe_of_one_training():
    with pytest.raises(InputError, match="experts: several recipes, not one; sfumato crossval trains and stacks them"):
        sfumato.train("product-stack", quiet=True)
