"""Pictures of several classes told by Chinese and English texts: tiny OpenCLIP towers with LoRA, from recipe to bundle."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tests.pictures import COLOURS, marks
from tests.tiny_clip import tiny_clip
from tests.words import tiny_bert
from typer.testing import CliRunner

import sfumato
from sfumato.cli import app
from sfumato.errors import InputError
from sfumato.ladders.steps import RUNGS, climb
from sfumato.multilabel_predictions import read_predictions

LABELS = """
marks:
  - {id: red, zh: 红色, en: red mark}
  - {id: green, zh: 绿色, en: green mark, templates: ["a chart with a {}", "有{}的图"]}
  - {id: 蓝, zh: 蓝色, en: blue mark}
"""
RECIPE = """
name: marks
data:
  source: photos/table.csv
  columns: {label: marks}
  labels: {file: labels.yaml}
  split: {val: 0.25, test: 0.25, near_duplicates: ignored}
model:
  kind: dual_encoder
  clip: {name: tiny-sfumato, weights: none}
  texts: {kind: bilingual, zh: ["{}", "包含{}的图"], en: ["a chart with a {}"]}
  lora: {r: 4}
train: {epochs: 6, optimizer: {lr: 5e-3, weight_decay: 0.05}, precision: fp32, workers: 0, accumulate: 2}
timeline:
  - at: 0ep
    batch_size: 16
    learn: {"text.*": frozen, "*.lora_*": 1, "image.*": frozen, "*": 1}
    loss: {kind: prototype_contrast, eta: 0.2}
"""
PAIR = {
    "model.clip": None,
    "model.lora": None,
    "model.image": {"backbone": "test_resnet", "weights": "none"},
    "train.accumulate": 1,
    "timeline[0].image_size": 32,
    "timeline[0].learn": {"text.*": "frozen", "*": 1},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("prototypes")
    tiny_clip(root / "clip")
    tiny_bert(root / "encoder", "包含红绿蓝色的图有a chrtwiedgnblumk")
    marks(root / "photos", 120, size=32)
    (root / "labels.yaml").write_text(LABELS, encoding="utf-8")
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def run(place) -> sfumato.Run:
    return sfumato.train(place / "recipe.yaml", out=place / "run", quiet=True)


def test_pictures_find_all_their_texts_and_the_bundle_answers_as_the_run_did_with_lora_merged(run, place):
    said = run.predictions["test"]
    assert run.metrics["test"]["scores"]["map"]["value"] > 0.75  # of marks of 60, 40 and 25 % of pictures
    model = sfumato.load(run.bundle)
    paths = [place / "photos" / one for one in said.ids]
    found = np.concatenate([row.logits for _, row in model.scored(paths)])
    assert np.allclose(found, said.logits, atol=1e-3)
    document = json.loads((run.bundle / "model.json").read_text(encoding="utf-8"))
    assert "lora" not in document and document["clip"]["name"] == "tiny-sfumato"
    weights = torch_names(run.bundle)
    assert not any("lora" in name or "parametrizations" in name for name in weights) and "head.midpoint" in weights


@pytest.mark.parametrize("rung", [0, 1, 4])
def test_a_ladder_begins_where_the_run_ended_and_leaves_pictures_alone(run, place, rung, monkeypatch, tmp_path):
    """Zero-shot is the run itself; OpenCLIP's image tower stays, its text tower does not."""
    monkeypatch.setattr("sfumato.ladders.climbing.climb", lambda *parts: climb(*parts, (RUNGS[0], RUNGS[rung])[-1:]))
    made = sfumato.ladder(run.folder, out=tmp_path / "ladder", quiet=True)
    assert made.standing.score == "map"
    if rung == 0:
        assert made.standing.chosen.test.value == pytest.approx(run.metrics["test"]["scores"]["map"]["value"], abs=1e-6)
    said, model = read_predictions(made.folder / "predictions/test.parquet"), sfumato.load(made.bundle)
    found = np.concatenate([row.logits for _, row in model.scored([place / "photos" / one for one in said.ids])])
    assert np.allclose(found, said.logits, atol=1e-3)
    assert not any("text" in name for name in torch_names(made.bundle)) and not model.reads_texts
    assert len(model.predict([place / "photos" / said.ids[0]])[0].probabilities) == 3


def torch_names(bundle: Path) -> list[str]:
    from sfumato.tensor_file import read_tensors

    return list(read_tensors(bundle / "weights.safetensors"))


def test_each_class_is_told_in_its_languages_by_its_own_templates_first(run):
    texts = yaml.safe_load((run.folder / "recipe.yaml").read_text(encoding="utf-8"))["model"]["texts"]["texts"]
    assert texts["red"] == ["红色", "包含红色的图", "a chart with a red mark"]
    assert texts["green"] == ["有绿色的图", "a chart with a green mark"]


@pytest.mark.slow
def test_a_pair_of_any_encoders_does_the_same(place):
    run = sfumato.train(
        place / "recipe.yaml",
        overrides=PAIR | {"model.text": {"folder": str(place / "encoder"), "window": 32}},
        out=place / "pair",
        quiet=True,
    )
    assert run.metrics["test"]["scores"]["map"]["value"] > 0.75
    assert sfumato.load(run.bundle).predict([place / "photos" / "pictures" / "000.png"])[0].labels is not None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model.image": {"backbone": "resnet18"}}, "names image and clip"),
        ({"model.text": {"kind": "ngrams"}}, "names a text encoder beside clip"),
        ({"model.head.embed_dim": 64}, "embed_dim has no effect"),
        ({"timeline[0].label_smoothing": 0.1}, "parts its own from the rest"),
        ({"timeline[0].loss": {"kind": "unicl"}}, "unicl, and an image may be of several classes"),
        ({"model.texts": {"kind": "bilingual", "zh": ["一张图"]}}, r"has no \{\}"),
        ({"data.labels": None}, "class 'green' has no name in zh or en"),
        ({"model.clip.name": "tiny-sfumat"}, "OpenCLIP has no 'tiny-sfumat'.*tiny-sfumato"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(place, changed, message):
    with pytest.raises(InputError, match=message) as caught:
        sfumato.train(place / "recipe.yaml", overrides=changed, out=place / "refused", quiet=True)
    assert "\n" not in str(caught.value) and not (place / "refused").exists()


def test_without_a_step_there_are_scores_thresholds_and_a_bundle(place, run):
    from sfumato.zero_shot import zero_shot

    done = zero_shot(place / "recipe.yaml", out=place / "zero", quiet=True)
    before, after = (one.metrics["test"] for one in (done, run))
    assert {row["name"] for row in before["classes"]} == {"red", "green", "蓝"}
    assert before["scores"]["map"]["value"] < after["scores"]["map"]["value"]
    notes = json.loads((done.folder / "env.json").read_text(encoding="utf-8"))["notes"]
    assert any("not a step was taken" in note for note in notes) and any("those of chance" in note for note in notes)
    assert (done.folder / "report.html").is_file() and not (done.folder / "checkpoints").exists()
    said = done.predictions["test"]
    share = 1 / (1 + np.exp(-done.predictions["val"].logits))
    assert share.mean() == pytest.approx(
        0.42, abs=0.15
    )  # the share of labels in training; the logits alone would say none
    found = [row.logits[0] for _, row in sfumato.load(done.bundle).scored([place / "photos" / one for one in said.ids])]
    assert np.allclose(found, said.logits, atol=1e-3)


def test_only_a_model_whose_classes_are_texts_knows_any_before_it_is_trained(place):
    from sfumato.zero_shot import zero_shot

    changed = {"model": {"backbone": "test_resnet", "weights": "none"}, "timeline": [], "train.accumulate": 1}
    with pytest.raises(InputError, match="knows no class before it is trained"):
        zero_shot(place / "recipe.yaml", overrides=changed, out=place / "none", quiet=True)


def test_features_and_prototypes_give_the_logits(place, run):
    from sfumato.data.preprocess import Preprocess
    from sfumato.predict.building import build_networks
    from sfumato.predict.predictor import read_any
    from sfumato.preparation.prepare import prepare_again
    from sfumato.preparation.prepared import job_of
    from sfumato.run_folder import RunFolder
    from sfumato.training.machine import Machine
    from sfumato.training.prototype_features import prototype_features

    bundle = read_any(run.bundle)
    preprocess = Preprocess.from_dict(bundle.transform, "bundle")
    (model,) = build_networks(bundle, preprocess, "bundle")
    prepared = replace(prepare_again(RunFolder(run.folder)), model=model)
    test = prepared.table.part("test")
    found = prototype_features(job_of(prepared, Machine("cpu", "fp32"), 0, run.folder), test)
    assert np.allclose(np.linalg.norm(found.images, axis=1), 1, atol=1e-5)
    assert np.allclose(np.linalg.norm(found.prototypes, axis=1), 1, atol=1e-5)
    assert np.allclose(found.logits, run.predictions["test"].logits, atol=1e-3)


def test_a_loaded_bundle_reads_no_text_and_a_new_class_is_one_pass_of_its_own(place, run, monkeypatch):
    from sfumato.models.clip import ClipText

    passes, plain = [], ClipText.forward

    def counted(self, ids, there):
        passes.append(len(ids))
        return plain(self, ids, there)

    monkeypatch.setattr(ClipText, "forward", counted)
    picture = place / "photos" / "pictures" / "000.png"
    own = sfumato.load(run.bundle).predict([picture])[0]
    assert passes == [] and len(own.probabilities) == 3
    texts = yaml.safe_load((run.folder / "recipe.yaml").read_text(encoding="utf-8"))["model"]["texts"]["texts"]
    more = sfumato.load(run.bundle, texts={**texts, "yellow": ["黄色", "a chart with a yellow mark"]}).predict(
        [picture]
    )[0]
    assert passes == [2] and len(more.probabilities) == 4


def test_a_single_text_is_not_read_letter_by_letter_and_no_class_is_no_answer(run, place):
    picture = place / "photos" / "pictures" / "000.png"
    one, listed = (sfumato.load(run.bundle, texts={"x": of}).predict([picture])[0] for of in ("mark", ["mark"]))
    assert one.probabilities == listed.probabilities
    with pytest.raises(InputError, match="no class"):
        sfumato.load(run.bundle, texts={})


def test_a_class_added_to_the_label_file_is_answered_and_says_from_whom_it_borrows(place, run, tmp_path):
    (tmp_path / "labels.yaml").write_text(LABELS + "  - {id: yellow, zh: 黄色, en: yellow mark}\n", encoding="utf-8")
    picture = str(place / "photos" / "pictures" / "000.png")
    done = CliRunner().invoke(
        app, ["predict", str(run.folder), picture, "--labels", str(tmp_path / "labels.yaml"), "--json"]
    )
    assert done.exit_code == 0, done.stderr
    assert "'yellow' was not trained on: its probability and threshold are borrowed from" in done.stderr
    (answer,) = json.loads(done.stdout)
    assert answer["borrowed"] == ["yellow"] and answer["calibrated"] is False
    own = sfumato.load(run.bundle).predict([picture])[0].probabilities
    assert {name: answer["probabilities"][name] for name in own} == pytest.approx(own, abs=1e-6)
    model = sfumato.load(run.bundle, labels=tmp_path / "labels.yaml")
    assert "包含黄色的图" in model_texts(run, tmp_path)["yellow"] and not model.calibrated


def model_texts(run, folder) -> dict[str, tuple[str, ...]]:
    from sfumato.bundle.ensemble import read_any
    from sfumato.predict.open_vocabulary import asked_by_labels

    return asked_by_labels(folder / "labels.yaml", read_any(run.bundle), "bundle").texts


def test_new_classes_are_measured_where_data_names_them(place, run, tmp_path):
    (tmp_path / "labels.yaml").write_text(LABELS + "  - {id: yellow, zh: 黄色, en: yellow mark}\n", encoding="utf-8")
    rows = (place / "photos" / "table.csv").read_text(encoding="utf-8").replace("|green", "|黄色").splitlines()
    folder = place / "photos"
    (folder / "more.csv").write_text("\n".join(rows[:41]) + "\n", encoding="utf-8")
    arguments = [
        "evaluate",
        str(run.folder),
        str(folder / "more.csv"),
        "--out",
        str(tmp_path / "out"),
        "--set",
        "data.columns.label=marks",
        "--json",
    ]
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, InputError) and "the bundle does not know" in str(refused.exception)
    done = CliRunner().invoke(app, [*arguments, "--labels", str(tmp_path / "labels.yaml")])
    assert done.exit_code == 0, done.stderr
    classes = json.loads(done.stdout)["metrics"]["evaluated"]["classes"]
    assert [row["name"] for row in classes] == ["red", "green", "蓝", "yellow"]


@pytest.mark.slow
def test_from_zero_shot_weights_to_those_between_and_those_learnt(place):
    """A run begins with a zero-shot run's weights, and is interpolated with them after its last step."""
    from sfumato.zero_shot import zero_shot

    before = zero_shot(place / "recipe.yaml", out=place / "begun", quiet=True)
    changed = {"train.init_from": str(place / "begun"), "train.interpolate": {"alphas": [0.0, 0.5]}, "train.epochs": 2}
    run = sfumato.train(place / "recipe.yaml", overrides=changed, out=place / "wise", quiet=True)
    rows = [row for row in csv.DictReader((run.folder / "averages.csv").read_text().splitlines()) if row["alpha"]]
    assert [float(row["alpha"]) for row in rows] == [0.0, 0.5, 1.0]
    val = before.metrics["val"]["scores"]["map"]["value"]
    assert float(rows[0]["map"]) == pytest.approx(val, abs=1e-4)  # alpha 0 is the zero-shot network


@pytest.mark.slow
def test_what_training_costs_a_class_it_never_sees(place, tmp_path):
    from sfumato.new_classes import lines, new_classes

    done = new_classes(place / "recipe.yaml", ["绿色"], overrides={"train.epochs": 3}, out=tmp_path / "new", quiet=True)
    assert done.unseen == ("green",) and done.seen == ("red", "蓝")
    trained = [json.loads(line) for line in (done.folder / "seen.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {name for row in trained for name in row["labels"] or ()} == {"red", "蓝"}
    tuned = sfumato.Run(done.folder / "tuned")
    assert {row["name"] for row in tuned.metrics["test"]["classes"]} == {"red", "蓝"}
    moved = done.figures.map
    assert moved["seen"].change.value == pytest.approx(moved["seen"].after.value - moved["seen"].before.value)
    a, b = moved["seen"].after.value, moved["unseen"].after.value
    assert moved["harmonic"].after.value == pytest.approx(2 * a * b / (a + b))
    assert moved["seen"].after.value == pytest.approx(tuned.metrics["test"]["scores"]["map"]["value"], abs=0.02)
    written = json.loads((done.folder / "new_classes.json").read_text(encoding="utf-8"))
    assert written["unseen"] == ["green"] and len(lines(done)) == 7


@pytest.mark.parametrize(
    ("unseen", "message"),
    [
        (["grene"], "no class 'grene'.*'green'"),
        (2, "2 of 3 classes"),
        ([], "0 of 3 classes"),
        (-2, "0 of 3 classes"),
    ],
)
def test_some_classes_must_be_left_and_some_left_out(place, unseen, message):
    from sfumato.new_classes import new_classes

    with pytest.raises(InputError, match=message):
        new_classes(place / "recipe.yaml", unseen, out=place / "nothing", quiet=True)
    assert not (place / "nothing").exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train.init_from": "run"}, "'green' is to be unseen, and is a class there"),
        ({"data.split.test": 0.0}, "no test sample is of a class trained on"),
    ],
)
def test_what_could_not_be_measured_afterwards_is_refused_before_any_training(
    place, run, changed, message, monkeypatch
):
    from sfumato.new_classes import new_classes

    monkeypatch.chdir(place)
    with pytest.raises(InputError, match=message):
        new_classes(place / "recipe.yaml", ["green"], overrides=changed, out=place / "nothing", quiet=True)
    assert not (place / "nothing").exists()


def test_half_of_a_zero_shot_run_is_not_left_behind(place, monkeypatch):
    """It can't be gone on with: resumed, it would be trained."""
    from sfumato.zero_shot import zero_shot

    def fails(*_arguments):
        raise InputError("no more disk")

    monkeypatch.setattr("sfumato.zero_shot.conclude", fails)
    with pytest.raises(InputError, match="no more disk"):
        zero_shot(place / "recipe.yaml", out=place / "half" / "zero", quiet=True)
    assert not (place / "half" / "zero").exists()


UNICL = """
name: colours
data: {source: colours, split: {val: 0.25, test: 0.25, near_duplicates: ignored}}
model:
  kind: dual_encoder
  clip: {name: tiny-sfumato, weights: none}
  texts: {templates: ["a picture of {}", "{}"]}
  lora: {r: 4}
train: {epochs: 6, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - at: 0ep
    batch_size: 16
    learn: {"text.*": frozen, "*.lora_*": 1, "image.*": frozen, "*": 1}
    loss: {kind: unicl}
"""


def colour_folders(root: Path, each: int) -> None:
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for i in range(each):
            pixels = rng.normal(colour, 25, (32, 32, 3))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(root / name / f"{i:03}.png")


def test_of_one_class_a_picture_towers_that_met_learn_by_contrast(place):
    """The head has no midpoint; the bundle answers as the run did, LoRA merged, and by the texts of other classes."""
    colour_folders(place / "colours", 32)
    (place / "colours.yaml").write_text(UNICL, encoding="utf-8")
    run = sfumato.train(place / "colours.yaml", out=place / "unicl", quiet=True)
    said, model = run.predictions["test"], sfumato.load(run.bundle)
    assert (said.logits.argmax(axis=1) == said.truth).mean() > 0.6  # chance is a third
    paths = [place / "colours" / one for one in said.ids]
    found = np.concatenate([row.logits for _, row in model.scored(paths)])
    assert np.allclose(found, said.logits, atol=1e-3)
    names = torch_names(run.bundle)
    assert "head.midpoint" not in names and not any("lora" in name for name in names)
    other = sfumato.load(run.bundle, texts={"red": ["a picture of red", "red"], "yellow": ["yellow"]})
    (answer,) = other.predict(paths[:1])
    assert set(answer.probabilities) == {"red", "yellow"} and sum(answer.probabilities.values()) == pytest.approx(1)
