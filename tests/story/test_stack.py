"""Experts of words, texts and pictures, from the preset to one bundle that answers from picture and text."""

import csv
import json
import shutil
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
    """One command makes it."""
    words = ["crossval", "product-stack", "--quiet", "--folds", "2", "--out", str(root / "stack")]
    for name, value in wares(root).items():
        words += ["--set", f"{name}={json.dumps(value)}"]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0, told.output
    assert "all experts of texts" in told.output and "right alone: ensemble" in told.output
    return sfumato.Stack(root / "stack")


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


def test_what_pictures_and_texts_add_is_told_with_intervals(done):
    rows = {row.name: row for row in done.ablation.parts}
    assert list(rows) == ["words (text)", "text (text)", "image (picture)", "all experts of texts"]
    assert done.ablation.samples == COUNT - 1
    said = done.ensemble.predictions["oof"]
    assert done.ablation.accuracy.value == pytest.approx((said.logits.argmax(axis=1) == said.truth).mean())
    for name, row in rows.items():
        assert row.lost.value == pytest.approx(done.ablation.accuracy.value - row.accuracy.value), name
    assert rows["image (picture)"].lost.low > 0 and rows["all experts of texts"].lost.low > 0
    assert "names the most frequent class: words of 2, text of 2, image of 8" in done.ablation.note


def test_the_report_shows_the_ablation_and_what_is_said_of_texts(done):
    page = done.report.read_text(encoding="utf-8")
    assert "all experts of texts" in page and 'href="experts/image/report.html"' in page
    assert "texts (0.0%) are longer than its 2048 tokens" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_a_stack_that_was_stopped_goes_on_without_training_what_is_trained(done, tmp_path, monkeypatch):
    folder, fused = tmp_path / "stack", stacking.fuse
    shutil.copytree(done.folder, folder)
    for name in ("bundle", "predictions"):
        shutil.rmtree(folder / name)
    for name in ("report.html", "ablation.json", "ensemble.json"):
        (folder / name).unlink()

    def stopped(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cross_validation, "train", None)
    monkeypatch.setattr(stacking, "fuse", stopped)
    again = ["crossval", "--resume", str(folder), "--quiet", "--json"]
    first = CliRunner().invoke(app, again)
    assert str(first.exception) == f"stopped by SIGINT; go on with: sfumato crossval --resume {folder}"
    assert not (folder / "bundle").exists()
    monkeypatch.setattr(stacking, "fuse", fused)
    second = CliRunner().invoke(app, again)
    assert second.exit_code == 0, second.output
    told = json.loads(second.output)
    assert told["bundle"] == str(folder / "bundle") and told["ablation"]["parts"][2]["name"] == "image (picture)"
    logits = [one.ensemble.predictions["oof"].logits for one in (done, sfumato.Stack(folder))]
    assert np.allclose(*logits, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.source": "gone.csv"}, "gone.csv"),
        ({"experts.text": {"model": {"backbone": "resnet5"}}}, "timm has no 'resnet5'"),
        ({"experts.image.model.weights": {"file": "gone.pth"}}, "gone.pth"),
        ({"data.split.by": "time"}, "data.split.by: folds by time, which a table of folds can't hold"),
        ({"data.split.fold": 1}, "data.split.fold: is for a single run"),
        ({"experts": {"image": {}}}, "experts: fewer than two"),
        ({"experts.text.train.epoch": 3}, "--set: experts.text.train.epoch: unknown setting; did you mean 'epochs'?"),
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
