"""Image and text from recipe to decisions."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tests.pictures import picture
from tests.products import products, recipe
from typer.testing import CliRunner

import sfumato
from sfumato.check import check
from sfumato.cli.app import app
from sfumato.errors import InputError
from sfumato.models.ngrams import Ngrams
from sfumato.predict.inputs import WithText
from sfumato.predictions import Predictions
from sfumato.run_folder import open_folder
from sfumato.teaching.teacher import find_teacher
from sfumato.training import feed
from sfumato.training.distillation import DistillSpec
from sfumato.withholding import read_ablation, withheld_table


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> sfumato.Run:
    root = tmp_path_factory.mktemp("products")
    products(root, 160)
    return sfumato.train(recipe(root), out=root / "run", quiet=True)


def rows_of_products(run: sfumato.Run) -> list[dict[str, str]]:
    return rows(run.folder.parent / "products.csv")


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
    found = np.concatenate([row.logits for _, row in model.scored(asked)])
    assert model.reads_texts
    assert np.allclose(found, said.logits, atol=1e-4)


def test_the_report_shows_what_a_network_of_both_says_with_one_of_them_withheld(run):
    found = read_ablation(run.folder)
    rows = {row.name: row for row in found.parts}
    assert list(rows) == ["the picture alone", "the text alone"]
    assert found.samples == len(run.predictions["test"].ids)
    assert rows["the picture alone"].lost.low > 0  # it learnt from texts
    assert "features that were learnt for it" in found.note and "optimistic" not in found.note
    model, folder = sfumato.load(run.bundle), run.folder.parent / "pictures"
    own = {row["id"]: f"{row['title']} {row['description']}" for row in rows_of_products(run)}
    for name, asked in {
        "picture": lambda id_: folder / f"{id_}.png",
        "text": lambda id_: WithText(None, own[id_]),
    }.items():
        said = Predictions.read(withheld_table(open_folder(run.folder), "test", name))
        answers = np.concatenate([row.logits for _, row in model.scored([asked(id_) for id_ in said.ids])])
        assert np.allclose(answers, said.logits, atol=1e-4), name
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "Picture, text and both" in page and "the picture alone" in page


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
        (
            {"model.text": {"kind": "bert"}},
            'model.text.kind: found "bert"; expected one of ngrams, tfidf, transformers',
        ),
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
    found = np.concatenate([row.logits for _, row in model.scored(asked)])
    assert np.allclose(found, said.logits, atol=1e-4)


def still(path: str) -> dict[str, object]:
    """Settings of a second stage in which no weight moves to speak of."""
    return {"train.init_from": path, "train.optimizer.lr": 1e-12, "train.epochs": 2}


def test_a_second_stage_begins_with_what_the_first_ended_with(run, tmp_path):
    root = run.folder.parent
    again = sfumato.train(root / "recipe.yaml", overrides=still_at(root, "run"), out=tmp_path / "again", quiet=True)
    first, second = (load_file(one.bundle / "weights.safetensors") for one in (run, again))
    learnt = [name for name in first if "running" not in name and "tracked" not in name]
    assert all(torch.allclose(first[name], second[name], atol=1e-6) for name in learnt)


def still_at(root: Path, path: str) -> dict[str, object]:
    places = {"data.source": str(root / "products.csv"), "data.images": str(root / "pictures")}
    return {**still(str(root / path)), **places}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train.init_from": "nowhere"}, "train.init_from: nothing in"),
        ({"train.init_from": "run-{fold}"}, "names a fold, and none is trained; sfumato crossval trains folds"),
        (
            {"data.split.seed": 1},
            "samples that choose or measure here were trained on there; expected a run with the same",
        ),
        ({"model.head": {"kind": "linear"}}, "another network"),
        ({"model.text": {"kind": "ngrams", "width": 16}}, "text.vectors is (513, 32) there and (32769, 16) here"),
    ],
)
def test_a_first_stage_that_does_not_fit_is_one_line(run, tmp_path, settings, message):
    root = run.folder.parent
    with pytest.raises(InputError) as failure:
        sfumato.train(
            root / "recipe.yaml", overrides={**still_at(root, "run"), **settings}, out=tmp_path / "x", quiet=True
        )
    assert message in str(failure.value)
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_each_fold_begins_with_its_own_of_the_first_stage(tmp_path):
    products(tmp_path, 60)
    path = recipe(tmp_path)
    sfumato.crossval(path, folds=2, overrides={"train.epochs": 2}, out=tmp_path / "one", quiet=True)
    settings = still_at(tmp_path, "one/fold-{fold}")
    sfumato.crossval(path, folds=2, overrides=settings, out=tmp_path / "two", quiet=True)
    for fold in range(2):
        first, second = (
            load_file(tmp_path / name / f"fold-{fold}/bundle/weights.safetensors") for name in ("one", "two")
        )
        assert torch.allclose(first["text.vectors"], second["text.vectors"], atol=1e-6)
        assert torch.allclose(first["head.0.weight"], second["head.0.weight"], atol=1e-6)
    found, page = read_ablation(tmp_path / "two"), (tmp_path / "two" / "report.html").read_text(encoding="utf-8")
    assert (
        found.samples == len(list(rows(tmp_path / "products.csv"))) - 15
        and "optimistic" in found.note
        and "Picture, text and both" in page
    )
    said = sfumato.load(tmp_path / "two").predict([WithText(tmp_path / "pictures" / "p000.png", "cotton sleeve")])
    assert said[0].label is not None


def test_a_frozen_stage_gives_the_same_head_from_features_computed_once(tmp_path, monkeypatch):
    products(tmp_path, 80)
    path = recipe(tmp_path)
    path.write_text(
        path.read_text().replace('learn: {"*": 1}', "lr_scale: 0.5").replace("16, learn", "16, augment: 0, learn")
    )
    kept = sfumato.train(path, out=tmp_path / "once", quiet=True)
    monkeypatch.setattr(feed, "kept_phases", lambda job: ())
    each = sfumato.train(path, out=tmp_path / "each", quiet=True)
    first, second = (load_file(one.bundle / "weights.safetensors") for one in (kept, each))
    assert max(float((first[name] - second[name]).abs().max()) for name in first) < 1e-5


def test_a_text_tower_that_never_learns_reads_each_text_once(tmp_path, monkeypatch):
    products(tmp_path, 80)
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace('learn: {"*": 1}', 'learn: {"text.*": frozen, "*": 1}'))
    read: list[int] = []
    compute = Ngrams.forward
    monkeypatch.setattr(
        Ngrams, "forward", lambda self, ids, there: (read.append(len(ids)), compute(self, ids, there))[1]
    )
    once = sfumato.train(path, out=tmp_path / "once", quiet=True)
    few, read[:] = sum(read), []
    monkeypatch.setattr(feed, "read_until", lambda job: 0)
    each = sfumato.train(path, out=tmp_path / "each", quiet=True)
    assert few < sum(read) / 2
    first, second = (load_file(one.bundle / "weights.safetensors") for one in (once, each))
    assert max(float((first[name] - second[name]).abs().max()) for name in first) < 1e-4


def test_texts_that_are_cut_off_or_name_their_class_are_said(tmp_path):
    table = products(tmp_path, 60)
    lines = table.read_text().splitlines()
    for i in range(1, 31):
        id_, title, text, label = lines[i].split(",")
        lines[i] = f"{id_},{title},{text} a {label.upper()} {'word ' * 400},{label}"
    table.write_text("\n".join(lines) + "\n")
    run = sfumato.train(recipe(tmp_path), out=tmp_path / "run", quiet=True, overrides={"train.epochs": 2})
    said = "\n".join(json.loads((run.folder / "env.json").read_text())["notes"])
    assert "model.text: 30 of 60 texts (50.0%) are longer than its 2048 tokens and cut off there" in said
    assert (
        "the name of their class stands in the text of 50% of the samples, such as 'disc-shirt' in that of p000" in said
    )


def test_texts_that_name_no_class_are_not_doubted(run):
    said = "\n".join(json.loads((run.folder / "env.json").read_text())["notes"])
    assert "model.text: 0 of 160 texts (0.0%)" in said
    assert "the name of their class" not in said


def spoil(root: Path, change: Callable[[int, list[str]], list[str]], head: str = "id,title,description,label") -> None:
    """Writes the table anew, each row as `change` makes it of its number and cells."""
    lines = (root / "products.csv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [",".join(change(i, line.split(","))) for i, line in enumerate(lines)]
    (root / "products.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda i, row: ["p002" if i == 9 else row[0], *row[1:]],
            "products.csv:11: id 'p002' stands in 2 rows, here for the second time; expected an id of its own for every "
            "sample",
        ),
        (
            lambda i, row: ["" if i in {4, 9} else row[0], *row[1:]],
            "products.csv:6: 2 rows have no id, this one first; expected an id for every sample",
        ),
        (
            lambda _, row: [row[0], "", "", row[3]],
            "products.csv: no sample has a text, and a model that reads them; expected a table with a column such as title "
            "or text",
        ),
    ],
)
def test_tables_that_can_not_be_used_are_one_line(tmp_path, change, message):
    products(tmp_path, 20)
    spoil(tmp_path, change)
    with pytest.raises(InputError) as failure:
        sfumato.train(recipe(tmp_path), out=tmp_path / "run", quiet=True)
    assert str(failure.value) == f"{tmp_path}/{message}"
    assert not (tmp_path / "run").exists()


def outside(root: Path) -> None:
    """Every picture moved to a folder beside the table's, and named there."""
    (root / "pictures").rename(root.parent / "elsewhere")
    spoil(root, lambda _, row: [*row, f"../elsewhere/{row[0]}.png"], "id,title,description,label,image")


def never_trained(root: Path) -> None:
    """One class stands in the test rows alone."""
    spoil(
        root,
        lambda i, row: [
            *row[:3],
            "new" if i < 2 else row[3],
            "test" if i < 2 else ("train", "val", "test", "train")[i // 4 % 4],
        ],
        "id,title,description,label,split",
    )


@pytest.mark.parametrize(
    ("spoilt", "note"),
    [
        (
            lambda root: spoil(root, lambda i, row: [row[0], str(i), "3.50", row[3]]),
            "the text of 100% of the samples is of numbers alone, or a word for nothing, such as '0 3.50' of p000: name "
            "other columns in data.columns.text, or leave such cells empty",
        ),
        (
            lambda root: spoil(root, lambda _, row: [row[0], "NaN", "null", row[3]]),
            "the text of 100% of the samples is of numbers alone, or a word for nothing, such as 'NaN null' of p000: name "
            "other columns in data.columns.text, or leave such cells empty",
        ),
        (outside, "data.columns.image: 60 of 60 pictures lie outside {root}, such as {root}/../elsewhere/p000.png"),
        (never_trained, "data.split: in no training sample, so never learnt: new"),
    ],
)
def test_tables_that_are_odd_train_and_it_is_said(tmp_path, spoilt, note):
    root = tmp_path / "table"
    products(root, 60)
    path = recipe(root)
    spoilt(root)
    if spoilt is outside:
        path.write_text(path.read_text().replace(", images: pictures", ""))
    if spoilt is never_trained:
        path.write_text(path.read_text().replace(", split: {val: 0.25, test: 0.25}", ""))
    run = sfumato.train(path, out=tmp_path / "run", quiet=True, overrides={"train.epochs": 2})
    assert note.format(root=root) in json.loads((run.folder / "env.json").read_text())["notes"]


def test_a_check_looks_at_the_texts_too(tmp_path):
    root, out = tmp_path / "table", tmp_path / "checked"
    spoilt(root)
    found = {one.code: one for one in check(recipe(root), out=out, quiet=True).examined.findings}
    assert len(found["no-text"]) == 3
    assert found["long-text"].samples["id"].to_list() == ["p001"]
    assert len(found["no-picture"]) == 10
    assert [row["id"] for row in rows(out / "data" / "bad_images.csv")] == ["p000"]  # the others have a text


TEXTS_ALONE = """
name: texts
data: {source: products.csv, images: pictures, split: {val: 0.25, test: 0.25}}
model: {kind: text, text: {kind: ngrams, width: 32, buckets: 512}}
train: {epochs: 4, optimizer: {lr: 3e-2}, precision: fp32, workers: 0}
"""


def test_texts_alone_train_and_predict_without_a_look_at_a_picture(tmp_path):
    table = products(tmp_path, 120)
    for path in (tmp_path / "pictures").glob("*.png"):
        path.write_bytes(b"no picture")
    lines = table.read_text().splitlines()
    lines[5] = "p004,,,disc-shirt"
    table.write_text("\n".join(lines) + "\n")
    (tmp_path / "recipe.yaml").write_text(TEXTS_ALONE)
    run = sfumato.train(tmp_path / "recipe.yaml", out=tmp_path / "run", quiet=True)
    assert [(row["id"], row["problem"]) for row in rows(run.folder / "data" / "bad_images.csv")] == [
        ("p004", "no text")
    ]
    model = sfumato.load(run.bundle)
    good, bad = model.predict([WithText(None, "cotton sleeve"), WithText(tmp_path / "pictures" / "p000.png", "")])
    assert "shirt" in good.label
    assert good.without is None
    assert bad.error == "no text"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"augment.crop": 0.9}, "augment.crop: has no effect: this model looks at no picture"),
        ({"timeline": [{"at": "0ep", "image_size": 64}]}, "timeline[0].image_size: has no effect"),
    ],
)
def test_settings_of_pictures_are_refused_where_none_is_looked_at(tmp_path, settings, said):
    products(tmp_path, 40)
    (tmp_path / "recipe.yaml").write_text(TEXTS_ALONE)
    with pytest.raises(InputError) as failure:
        sfumato.train(tmp_path / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    assert said in str(failure.value)


@pytest.mark.slow
def test_an_ensemble_of_picture_text_and_both_reads_texts(tmp_path):
    products(tmp_path, 80)
    (tmp_path / "text.yaml").write_text(TEXTS_ALONE)
    (tmp_path / "image.yaml").write_text(
        TEXTS_ALONE.replace(
            "kind: text, text: {kind: ngrams, width: 32, buckets: 512}", "backbone: test_resnet, weights: none"
        )
    )
    both = recipe(tmp_path)
    runs = [tmp_path / name for name in ("a", "b", "c")]
    for path, out in zip((tmp_path / "text.yaml", tmp_path / "image.yaml", both), runs, strict=True):
        sfumato.train(path, out=out, quiet=True, overrides={"train.epochs": 2})
    made = sfumato.ensemble([str(run) for run in runs], kind="average", out=tmp_path / "all", quiet=True)
    model = sfumato.load(made.bundle)
    assert model.reads_texts
    assert model.predict([WithText(tmp_path / "pictures" / "p001.png", "steel lid")])[0].label is not None


EXPERT = TEXTS_ALONE.replace("val: 0.25, test: 0.25", "test: 0, near_duplicates: ignored")


@pytest.mark.slow
def test_experts_are_stacked_over_samples_that_one_of_them_can_not_look_at(tmp_path):
    spoilt(tmp_path)
    network = {"words": "kind: text, text: {kind: tfidf}", "image": "backbone: test_resnet, weights: none"}
    for name, model in network.items():
        text = EXPERT.replace("kind: text, text: {kind: ngrams, width: 32, buckets: 512}", model)
        (tmp_path / f"{name}.yaml").write_text(text)
        changes = {"train.epochs": 2, "name": name}
        sfumato.crossval(tmp_path / f"{name}.yaml", folds=2, overrides=changes, out=tmp_path / name, quiet=True)
    made = sfumato.ensemble([tmp_path / "image", tmp_path / "words"], kind="stacked", out=tmp_path / "all", quiet=True)
    said = made.predictions["oof"]
    assert len(said.ids) == 199  # all but the one that has neither picture nor text
    frequencies = np.exp(np.array(made.fusion.absent))
    assert frequencies == pytest.approx(np.bincount(said.truth + 0, minlength=4) / 199, abs=0.01)
    model = sfumato.load(made.bundle)
    both, text, image, nothing = model.predict(
        [
            WithText(tmp_path / "pictures" / "p001.png", "steel lid"),
            WithText(tmp_path / "pictures" / "p003.png", "steel lid"),
            tmp_path / "pictures" / "p001.png",
            WithText(None, ""),
        ]
    )
    assert both.without is None and both.label is not None
    assert text.without.startswith("image (") and "pot" in text.label
    assert image.without == "text" and image.label is not None
    assert nothing.error == "no image, and no text"
    words = sfumato.load(tmp_path / "words").predict([WithText(None, "steel lid")])[0]
    alone = np.log([words.probabilities[name] for name in said.labels.names])
    weights = np.array(made.fusion.weights)
    wanted = weights[1] * alone + weights[0] * np.array(made.fusion.absent) + np.array(made.fusion.bias)
    found = model.logits([None], ["steel lid"])[0]
    assert found == pytest.approx(wanted, abs=1e-4)


def test_a_bundle_that_reads_texts_teaches_nobody(run):
    with pytest.raises(InputError, match="it reads texts, and a teacher is shown pictures alone"):
        find_teacher(DistillSpec(teacher=str(run.folder)))
