"""A ladder on a finished dual encoder, for classes that it never saw: looked at once, fitted in seconds, one bundle left."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
import yaml
from PIL import Image
from tests.words import tiny_bert
from typer.testing import CliRunner

import sfumato
from sfumato.cli import app
from sfumato.errors import InputError
from sfumato.ladders.rungs.shots import Shots
from sfumato.ladders.steps import RUNGS, climb
from sfumato.metrics.ladder import Standing
from sfumato.multilabel_predictions import read_predictions
from sfumato.training import features

OLD = {"红色": (200, 60, 50), "绿色": (60, 180, 70), "蓝色": (60, 80, 200)}
NEW = {"红绿": (190, 180, 60), "红蓝": (180, 70, 180), "绿蓝": (60, 170, 190), "黄红": (235, 150, 70)}
RECIPE = """
name: {name}
data: {{source: {source}, split: {{val: {val}, test: {test}, near_duplicates: ignored}}}}
model:
  kind: dual_encoder
  image: {{backbone: test_resnet, weights: none}}
  text: {{folder: encoder, window: 16}}
  head: {{embed_dim: 32}}
train: {{epochs: 5, optimizer: {{lr: 3e-3}}, precision: fp32, workers: 0, select: accuracy{start}}}
timeline:
  - {{at: 0ep, image_size: 32, batch_size: 16, learn: {{"text.*": frozen, "*": 1}}}}
"""


def photos(root: Path, colours: dict[str, tuple[int, int, int]], each: int) -> None:
    rng = np.random.default_rng(len(colours))
    for name, colour in colours.items():
        (root / name).mkdir(parents=True)
        for i in range(each):
            pixels = rng.normal(colour, 25, (32, 32, 3)) + rng.normal(0, 14, 3)
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(root / name / f"{i:03}.png")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run on three colours, and a recipe for four mixtures of them that begins with its weights."""
    root = tmp_path_factory.mktemp("ladder")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        photos(root / "old", OLD, 24)
        photos(root / "new", NEW, 60)
        tiny_bert(root / "encoder", "这是一张红绿蓝黄色的")
        old = RECIPE.format(name="old", source="old", val=0.25, test=0.0, start="")
        new = RECIPE.format(name="new", source="new", val=0.4, test=0.4, start=", init_from: run")
        (root / "old.yaml").write_text(old, encoding="utf-8")
        (root / "new.yaml").write_text(new, encoding="utf-8")
        sfumato.train("old.yaml", out="run", quiet=True)
        yield root


@pytest.fixture(scope="module")
def made(place) -> sfumato.Ladder:
    return sfumato.ladder("new.yaml", out="made", quiet=True)


def test_rungs_are_tried_in_their_order_and_one_that_is_no_better_is_dropped(made):
    steps = made.standing.steps
    assert [step.name for step in steps] == [rung.name for rung in RUNGS] and steps[0].kept
    for step in steps[1:]:
        assert step.kept == (step.gain.low > 0)
    assert made.standing.chosen.name != "zero_shot"  # it never saw a mixture
    assert made.standing.chosen.test.value > steps[0].test.value
    assert made.standing.fitted + made.standing.validated + made.standing.tested == 240


def test_a_second_ladder_looks_at_no_picture_again(made, place, monkeypatch, tmp_path):
    looked, computed = [], features._computed

    def counted(job, table, asked, rows):
        looked.extend(rows)
        return computed(job, table, asked, rows)

    monkeypatch.setattr(features, "_computed", counted)
    again = sfumato.ladder("new.yaml", shots=2, out=tmp_path / "again", quiet=True)
    assert looked == [] and again.standing.fitted < made.standing.fitted


def test_the_bundle_answers_as_the_rung_did_and_predict_takes_it(made, tmp_path):
    model, said = sfumato.load(made.bundle), read_predictions(made.folder / "predictions/test.parquet")
    paths = [Path("new") / name for name in said.ids]
    found = np.concatenate([row.logits for _, row in model.scored(paths)])
    assert np.allclose(found, said.logits, atol=1e-3)
    assert made.standing.chosen.test.value == pytest.approx((said.logits.argmax(axis=1) == said.truth).mean())
    assert made.metrics["test"]["scores"]["accuracy"]["value"] == pytest.approx(made.standing.chosen.test.value)
    assert not model.reads_texts and not (made.bundle / "text").exists()
    result = CliRunner().invoke(app, ["predict", str(made.bundle), "new/红绿", "--out", str(tmp_path / "said.csv")])
    assert result.exit_code == 0, result.output
    assert len(pl.read_csv(tmp_path / "said.csv")) == 60


def test_the_folder_tells_it_all(made):
    document = json.loads((made.folder / "ladder.json").read_text(encoding="utf-8"))
    assert document["chosen"] == made.standing.chosen.name
    assert Standing.from_dict(document, "here") == made.standing
    assert pl.read_csv(made.folder / "ladder.csv")["rung"].to_list() == [rung.name for rung in RUNGS]
    assert "LP++" in (made.folder / "ladder.svg").read_text(encoding="utf-8")
    recipe = yaml.safe_load((made.folder / "bundle/recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["model"]["kind"] == "dual_encoder"
    assert str(made.folder.resolve().parent) not in (made.folder / "bundle/recipe.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("rung", [RUNGS[1], RUNGS[4]], ids=lambda rung: rung.name)
def test_any_rung_can_be_the_bundle(rung, place, monkeypatch, tmp_path):
    """The cache of Tip-Adapter too, as keys and values among the weights."""
    monkeypatch.setattr("sfumato.ladders.climbing.climb", lambda *parts: climb(*parts, (rung,)))
    made = sfumato.ladder("new.yaml", shots=4, out=tmp_path / "alone", quiet=True)
    said = read_predictions(made.folder / "predictions/val.parquet")
    found = np.concatenate(
        [row.logits for _, row in sfumato.load(made.bundle).scored([Path("new") / n for n in said.ids])]
    )
    assert np.allclose(found, said.logits, atol=1e-3)
    assert made.standing.fitted == 16


def test_a_run_is_taken_with_its_own_pictures_and_what_its_encoders_saw_is_said(place, tmp_path):
    result = CliRunner().invoke(app, ["ladder", "run", "--shots", "8", "--out", str(tmp_path / "own")])
    assert result.exit_code == 0, result.output
    assert "54 of the training pictures taught the encoders" in result.output
    assert "zero-shot" in result.output and "LP++" in result.output and "no test picture is left" in result.output


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"train.init_from": None}, "train.init_from: none: encoders that were never trained together"),
        ({"data.split.val": 0}, "data.split.val"),
        ({"views": {"flips": ["horizontal"]}}, "a ladder looks at each picture once"),
        ({"decision.abstain": {"max_error": 0.1, "by": "knn"}}, "a ladder does not measure how familiar pictures are"),
        ({"model": {"backbone": "test_resnet", "weights": "none"}}, "expected dual_encoder"),
    ],
)
def test_what_would_have_no_effect_is_refused(place, tmp_path, asked, said):
    with pytest.raises(InputError) as refused:
        sfumato.ladder("new.yaml", overrides=asked, out=tmp_path / "refused", quiet=True)
    assert said in str(refused.value) and "\\n" not in str(refused.value)
    assert not (tmp_path / "refused").exists()


def test_wrong_arguments_are_told(place):
    for arguments, said in (
        (["new.yaml", "--shots", "0"], "--shots: 0"),
        (["nowhere.yaml"], "nowhere.yaml"),
        (["old"], "no run there"),
    ):
        result = CliRunner().invoke(app, ["ladder", *arguments])
        assert result.exit_code != 0 and said in str(result.exception) + result.output


def test_several_classes_a_picture_are_climbed_by_mean_average_precision():
    """As no dual encoder is trained on such pictures yet, on features that are drawn."""
    from sfumato.labels import LabelSpace
    from sfumato.ladders.judge import Judge
    from sfumato.ladders.steps import Part
    from sfumato.multilabel_predictions import MultilabelPredictions

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 8))
    shots: list[Shots] = []
    for samples in (120, 150, 150):
        truth = (rng.random((samples, 3)) < 0.4).astype(float)
        features = torch.from_numpy(truth @ centres + rng.normal(0, 0.8, (samples, 8)) + 1)
        truth[rng.random(truth.shape) < 0.2] = -1
        texts = torch.from_numpy(centres + 2 * np.random.default_rng(3).normal(size=centres.shape))
        unit = [torch.nn.functional.normalize(of, dim=1) for of in (features, texts)]
        shots.append(Shots(unit[0], torch.from_numpy(truth), unit[1], 10.0, exclusive=False))
    parts = [
        Part(
            one.features_ne,
            Judge(
                MultilabelPredictions(
                    tuple(map(str, range(len(one.truth_nc)))),
                    one.truth_nc.numpy().astype(np.int8),
                    np.zeros(one.truth_nc.shape, dtype=np.float32),
                    LabelSpace(("a", "b", "c")),
                ),
                "accuracy",
            ),
        )
        for one in shots[1:]
    ]
    tried = list(climb(shots[0], *parts))
    best = next(one.step for one in reversed(tried) if one.step.kept)
    assert parts[0].judge.score_name == "map" and best.name != "zero_shot"
    assert best.test.low > tried[0].step.test.high
