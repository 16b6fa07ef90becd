"""Image and text from recipe to decisions."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.pictures import picture
from tests.products import products, recipe
from typer.testing import CliRunner

import sfumato
from sfumato.cli.app import app
from sfumato.errors import InputError
from sfumato.predict.inputs import WithText


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> sfumato.Run:
    root = tmp_path_factory.mktemp("products")
    products(root, 160)
    return sfumato.train(recipe(root), out=root / "run", quiet=True)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_texts_are_learnt_and_the_bundle_answers_as_the_run_did(run):
    said, model = run.predictions["test"], sfumato.load(run.bundle)
    thing = [name.split("-")[1] for name in said.labels.names]
    right = np.array([thing[one] for one in said.logits.argmax(axis=1)]) == np.array([thing[one] for one in said.truth])
    assert right.mean() > 0.8  # chance is one half; what the picture shows alone says nothing of it
    table = {row["id"]: row for row in rows(run.folder.parent / "products.csv")}
    folder = run.folder.parent / "pictures"
    asked = [WithText(folder / f"{id_}.png", f"{table[id_]['title']} {table[id_]['description']}") for id_ in said.ids]
    found = np.stack([row for _, row in model.scored(asked)])
    assert model.reads_texts
    assert np.allclose(found, said.logits, atol=1e-4)


def test_predict_reads_the_texts_of_a_table_and_says_what_was_not_there(run, tmp_path):
    folder = run.folder.parent
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    lines = ["image,title", "a.png,cotton sleeve", "a.png,", "gone.png,steel lid", "broken.png,", ",steel handle"]
    (tmp_path / "new.csv").write_text(
        "\n".join(["id,image,title", *(f"n{i},{line}" for i, line in enumerate(lines[1:]))])
    )
    out = tmp_path / "out.csv"
    done = CliRunner().invoke(
        app, ["predict", str(folder / "run"), str(tmp_path / "new.csv"), "--out", str(out), "--quiet"]
    )
    assert done.exit_code == 0, done.output
    answered = rows(out)
    assert [row["without"].split(" (")[0] for row in answered] == ["", "text", "image", "", "image"]
    assert [bool(row["label"]) for row in answered] == [True, True, True, False, True]
    assert answered[3]["error"]
    assert answered[4]["input"] == "n4"
    assert "shirt" in answered[0]["label"]
    assert "pot" in answered[4]["label"]


def test_a_picture_alone_says_that_it_has_no_text(run):
    decision = sfumato.load(run.bundle).predict([run.folder.parent / "pictures" / "p000.png"])[0]
    assert decision.without == "text"
    assert decision.label is not None


def test_a_bundle_that_reads_texts_is_of_a_format_of_its_own(run):
    assert json.loads((run.bundle / "manifest.json").read_text())["format"] == 6
    assert not list(run.bundle.rglob("*.p*kl"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model.text": {"kind": "bert"}}, 'model.text.kind: found "bert"; expected one of ngrams, transformers'),
        ({"model.backbone": "resnet50"}, "model.backbone: unknown setting"),
        ({"timeline[1].mixup_alpha": 0.2}, "blends pictures, and texts can't be blended"),
        ({"model.image.backbone": "resnet5"}, "model.image.backbone: timm has no 'resnet5'; did you mean 'resnet50'"),
        ({"model.image.weights": {"tag": "x"}}, "model.image.weights: timm has no"),
        ({"data.columns.text": "name"}, "data.columns.text: products.csv has no column 'name'"),
        ({"model.text": {"hub": "a", "folder": "b"}}, "names hub and folder; expected exactly one"),
        ({"model": {"backbone": "test_resnet"}, "data.columns.text": "title"}, "this model reads no texts"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path, settings, message):
    products(tmp_path, 40)
    with pytest.raises(InputError) as failure:
        sfumato.train(recipe(tmp_path), overrides=settings, out=tmp_path / "run", quiet=True)
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)
    assert not (tmp_path / "run").exists()


def test_a_table_without_texts_is_refused(tmp_path):
    products(tmp_path, 40)
    path = tmp_path / "products.csv"
    path.write_text("\n".join(",".join(line.split(",")[::3]) for line in path.read_text().splitlines()))
    with pytest.raises(InputError, match="no texts, and a model that reads them"):
        sfumato.train(recipe(tmp_path), out=tmp_path / "run", quiet=True)


def spoilt(root: Path) -> Path:
    """Products of which 5 % have no picture and 2 % a broken one, 1 % no text, and one nothing at all."""
    table = products(root, 200)
    for i in range(10):
        (root / "pictures" / f"p{20 * i:03}.png").unlink()
    for i in range(4):
        (root / "pictures" / f"p{50 * i + 3:03}.png").write_bytes(b"no picture")
    lines = table.read_text().splitlines()
    for i in (0, 7, 11):  # p000 has no picture either
        cells = lines[i + 1].split(",")
        lines[i + 1] = f"{cells[0]},,,{cells[3]}"
    lines[2] = lines[2].replace(",", "," + "ＦＵＬＬ 😀 " * 12_000, 1)
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def test_missing_and_broken_pictures_are_counted_listed_and_trained_without(tmp_path):
    spoilt(tmp_path)
    run = sfumato.train(recipe(tmp_path), out=tmp_path / "run", quiet=True, overrides={"train.epochs": 2})
    bad = {row["id"]: row["problem"] for row in rows(run.folder / "data" / "bad_images.csv")}
    alone = [problem for problem in bad.values() if problem.endswith("; its text alone is used")]
    assert len(bad) == 14
    assert len(alone) == 13
    assert bad["p000"] == "no image"
    notes = json.loads((run.folder / "env.json").read_text())["notes"]
    assert "data: 1 of 200 samples left out, listed in data/bad_images.csv" in notes
    assert "data: 13 of 200 samples have no good picture and are used for their texts alone" in notes
    used = sum(len(said.ids) for said in run.predictions.values()) + 100
    splits = {row["id"]: row for row in rows(run.folder / "data" / "splits.csv")}
    assert len(splits) == 199
    assert used >= 199 - 2
    assert splits["p003"]["image"] == ""
    assert sfumato.load(run.bundle).predict([WithText(None, "steel lid")])[0].without == "image"


def test_a_placeholder_is_trained_on_as_if_it_were_a_picture(tmp_path):
    spoilt(tmp_path)
    path = recipe(tmp_path, ", missing: {kind: placeholder}")
    path.write_text(path.read_text().replace('"missing.*": 1, ', ""))
    run = sfumato.train(path, out=tmp_path / "run", quiet=True, overrides={"train.epochs": 2})
    assert sfumato.load(run.bundle).predict([WithText(None, "steel lid")])[0].label is not None


def test_learnt_features_that_never_learn_are_refused(tmp_path):
    products(tmp_path, 40)
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace('"missing.*": 1, ', "").replace('learn: {"*": 1}', "lr_scale: 0.5"))
    with pytest.raises(InputError, match=r"model\.missing: what stands in .* frozen; let \"missing\.\*\": 1 learn"):
        sfumato.train(path, out=tmp_path / "run", quiet=True)


@pytest.mark.parametrize("use", ["random", "mean_pool"])
def test_several_pictures_of_a_product(tmp_path, use):
    products(tmp_path, 60)
    for i in range(0, 60, 2):
        picture("checks", i, 32).save(tmp_path / "pictures" / f"p{i:03}_2.png")
    (tmp_path / "pictures" / "p001_2.png").write_bytes(b"no picture")
    changes = {"train.epochs": 2, "model.pictures": use}
    run = sfumato.train(recipe(tmp_path), out=tmp_path / "run", quiet=True, overrides=changes)
    bad = rows(run.folder / "data" / "bad_images.csv")
    assert [(row["id"], row["problem"].split("; ")[1]) for row in bad] == [("p001", "its other pictures are used")]
    said, model = run.predictions["test"], sfumato.load(run.bundle)
    own = {row["id"]: f"{row['title']} {row['description']}" for row in rows(tmp_path / "products.csv")}
    asked = [WithText(sorted((tmp_path / "pictures").glob(f"{id_}*.png")), own[id_]) for id_ in said.ids]
    found = np.stack([row for _, row in model.scored(asked)])
    assert np.allclose(found, said.logits, atol=1e-4)
