"""A dual encoder from recipe to decisions: a tiny BERT reads Chinese class texts, and new classes come by text alone."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tests.words import tiny_bert
from typer.testing import CliRunner

import sfumato
from sfumato.cli import app
from sfumato.models.class_text_reader import ClassTextReader

COLOURS = {"红色": (200, 60, 50), "绿色": (60, 180, 70), "蓝色": (60, 80, 200)}
TEXTS = {"红色": ["这是红色", "红"], "绿色": "这是绿色", "蓝色": ["蓝", "这是蓝色", "一张蓝色"]}
RECIPE = """
name: colours
data: {source: photos, split: {val: 0.25, test: 0.25, near_duplicates: ignored}}
model:
  kind: dual_encoder
  image: {backbone: test_resnet, weights: none}
  text: {folder: encoder, window: 16}
  texts: {kind: file, file: texts.yaml}
  head: {embed_dim: 32}
augment: {flips: [horizontal]}
train: {epochs: 8, optimizer: {lr: 3e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 16, learn: {"text.*": frozen, "*": 1}}
"""


def photos(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (root / "photos" / name).mkdir(parents=True)
        for i in range(32):
            pixels = rng.normal(colour, 25, (32, 32, 3)) + rng.normal(0, 10, 3)
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(root / "photos" / name / f"{i:03}.png")
    return root / "photos"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("dual")
    photos(root)
    tiny_bert(root / "encoder", "这是一张红绿蓝黄色的")
    (root / "texts.yaml").write_text(yaml.safe_dump(TEXTS, allow_unicode=True), encoding="utf-8")
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def reads() -> list[int]:
    """Texts that were read, as often as any were."""
    return []


@pytest.fixture(scope="module")
def run(place, reads) -> sfumato.Run:
    original = ClassTextReader._read

    def read(self, device, *texts):
        found = original(self, device, *texts)
        reads.append(len(found))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClassTextReader, "_read", read)
        return sfumato.train(place / "recipe.yaml", out=place / "run", quiet=True)


def test_pictures_find_their_texts_and_the_bundle_answers_as_the_run_did(run):
    said = run.predictions["test"]
    assert (said.logits.argmax(axis=1) == said.truth).mean() > 0.8  # chance is a third
    model = sfumato.load(run.bundle)
    found = np.concatenate([row.logits for _, row in model.scored(paths(run, said.ids))])
    assert np.allclose(found, said.logits, atol=1e-4)
    assert not model.reads_texts and (run.bundle / "text" / "tokenizer.json").is_file()


def paths(run, ids) -> list[Path]:
    return [run.folder.parent / "photos" / one for one in ids]


def test_a_frozen_encoder_reads_the_texts_a_few_times_however_many_steps_there_are(run, reads):
    assert set(reads) == {6}
    assert len(reads) <= 6  # while it is checked, trained, and its bundle made and loaded; 24 steps and 8 validations


def test_the_history_is_there_by_column_and_the_model_was_tried_out(run):
    history = json.loads((run.folder / "history.json").read_text(encoding="utf-8"))
    rows = list(csv.DictReader((run.folder / "history.csv").read_text(encoding="utf-8").splitlines()))
    assert list(history) == list(rows[0]) and len(rows) == 8
    for name in ("train_loss", "val_loss", "train_accuracy", "val_accuracy"):
        assert history[name] == [float(row[name]) for row in rows]
    notes = json.loads((run.folder / "env.json").read_text(encoding="utf-8"))["notes"]
    assert any("self-test: gradients reach" in note and "8 pictures are learnt by heart" in note for note in notes)


def test_the_text_encoder_is_told_by_the_name_of_its_folder(run):
    for file in (run.bundle / "model.json", run.bundle / "recipe.yaml"):
        assert str(run.folder.parent / "encoder") not in file.read_text(encoding="utf-8"), file
    assert "test_resnet x encoder" in (run.folder / "report.html").read_text(encoding="utf-8")


def test_texts_and_classes_stand_in_the_run_and_in_the_bundle(run):
    wanted = {name: [some] if isinstance(some, str) else some for name, some in TEXTS.items()}
    recipe = yaml.safe_load((run.folder / "recipe.yaml").read_text(encoding="utf-8"))
    bundled = (run.bundle / "model.json").read_text(encoding="utf-8")
    assert recipe["model"]["texts"] == json.loads(bundled)["texts"] == {"kind": "given", "texts": wanted}
    assert "这是红色" in bundled
    printed = CliRunner().invoke(app, ["texts", str(run.folder)])
    assert yaml.safe_load(printed.stdout) == TEXTS | {"绿色": "这是绿色"}


def test_new_texts_are_answered_with_and_what_was_not_fitted_is_said(run, tmp_path):
    stored = CliRunner().invoke(app, ["texts", str(run.folder)]).stdout
    (tmp_path / "new.yaml").write_text(stored + "黄色: 这是黄色\n", encoding="utf-8")
    image = str(run.folder.parent / "photos" / "红色" / "000.png")
    command = ["predict", str(run.folder), image, "--texts", str(tmp_path / "new.yaml"), "--out"]
    done = CliRunner().invoke(app, [*command, str(tmp_path / "out.csv")])
    assert done.exit_code == 0 and "no picture was trained on of '黄色'" in done.stderr
    assert "calibration, thresholds and abstention were fitted for other texts" in done.stderr
    row = next(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    shares = np.array([float(row[f"p:{name}"]) for name in (*COLOURS, "黄色")])
    assert shares.sum() == pytest.approx(1) and shares.min() > 0 and row["calibrated"] == "False"
    own = sfumato.load(run.folder)
    logits = next(own.scored([image]))[1].logits[0]
    assert shares[:3] / shares[:3].sum() == pytest.approx(np.exp(logits) / np.exp(logits).sum(), abs=1e-4)


def test_classes_may_be_left_out_and_come_in_another_order(run):
    model = sfumato.load(run.folder, texts={"蓝色": ["蓝"], "红色": ["红"]})
    asked = [run.folder.parent / "photos" / name / "000.png" for name in ("红色", "蓝色")]
    assert [one.label for one in model.predict(asked)] == ["红色", "蓝色"]
    assert not model.calibrated


def test_a_killed_class_takes_its_text_with_it(place):
    """A class of which no picture can be used leaves the table, and its text the recipe."""
    (place / "photos" / "黄色").mkdir()
    (place / "photos" / "黄色" / "a.png").write_bytes(b"no picture")
    (place / "more.yaml").write_text(yaml.safe_dump(TEXTS | {"黄色": "这是黄色"}, allow_unicode=True), encoding="utf-8")
    try:
        changed = {"model.texts.file": str(place / "more.yaml"), "train.epochs": 1}
        done = sfumato.train(place / "recipe.yaml", overrides=changed, out=place / "less", quiet=True)
    finally:
        (place / "photos" / "黄色" / "a.png").unlink()
        (place / "photos" / "黄色").rmdir()
    assert list(done.predictions["test"].labels.names) == sorted(COLOURS)
    assert "黄色" not in (done.folder / "recipe.yaml").read_text(encoding="utf-8")
    assert sfumato.train(resume=done.folder, quiet=True).bundle.is_dir()


@pytest.mark.slow
def test_folds_make_one_bundle_that_takes_new_texts_too(place):
    from sfumato.folds.cross_validation import crossval

    done = crossval(place / "recipe.yaml", folds=2, overrides={"train.epochs": 2}, out=place / "cv", quiet=True)
    summary = json.loads((place / "cv" / "cv_summary.json").read_text(encoding="utf-8"))
    assert len(summary["folds"]) == 2
    model = sfumato.load(done.bundle, texts={**TEXTS, "绿色": ["这是绿色"], "黄色": ["这是黄色"]})
    assert set(model.predict([place / "photos" / "绿色" / "000.png"])[0].probabilities) == {*COLOURS, "黄色"}
