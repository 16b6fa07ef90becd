"""Images of any number of classes: the loss of a batch, its pieces, and what a recipe can't ask of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.pictures import marks
from torch.nn import functional as F

from sfumato.errors import InputError
from sfumato.models.heads import LinearHeadSpec
from sfumato.preparation.preview import preview
from sfumato.recipe.load import load_recipe
from sfumato.training.criterion import Criterion
from sfumato.training.duration import parse
from sfumato.training.keyframe import Keyframe
from sfumato.training.multilabel_loss import MultilabelLoss
from sfumato.training.plan import make_plan
from sfumato.training.schedules import ConstantSpec

ANSWERS = torch.tensor([[1, 0, -1], [0, 1, 1], [1, 1, 0], [-1, -1, -1], [0, 0, 0], [1, 0, 1]])
LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(3))


def settings(**tracks):
    keyframes = [Keyframe.model_validate({"at": parse("0ep"), **tracks})] if tracks else []
    plan = make_plan(keyframes, ConstantSpec(), base_lr=0.1, epochs=4, samples=32, image_size=32, head=LinearHeadSpec())
    return plan.at(0)


def criterion() -> Criterion:
    loss = MultilabelLoss(ANSWERS.numpy().astype(np.int64), torch.device("cpu"))
    return Criterion([loss], [1.0], None, lambda figure: figure)


def loss_of(made: Criterion, now, pieces: int) -> float:
    wanted = made.want(ANSWERS, made.targets(ANSWERS), now, share=6.0)
    parts = zip(LOGITS.tensor_split(pieces), wanted.pieces(pieces), strict=True)
    return float(sum(made(torch.zeros(len(z), 1), z, piece, now) for z, piece in parts))


def test_the_loss_is_the_mean_over_the_labels_that_are_known():
    known = ANSWERS >= 0
    wanted = F.binary_cross_entropy_with_logits(LOGITS[known], ANSWERS[known].float())
    assert loss_of(criterion(), settings(), 1) == pytest.approx(float(wanted), rel=1e-6)
    assert loss_of(criterion(), settings(), 3) == pytest.approx(float(wanted), rel=1e-6)


def test_smoothing_is_that_of_one_class_of_two():
    known = ANSWERS >= 0
    wanted = F.binary_cross_entropy_with_logits(LOGITS[known], ANSWERS[known].float() * 0.8 + 0.1)
    assert loss_of(criterion(), settings(label_smoothing=0.2), 2) == pytest.approx(float(wanted), rel=1e-6)


def test_balanced_positives_are_weighed_by_the_counts_of_training():
    made, now = criterion(), settings(loss={"kind": "binary_cross_entropy", "pos_weight": "balanced"})
    known, weights = ANSWERS >= 0, torch.tensor([2 / 3, 3 / 2, 2 / 2])
    terms = F.binary_cross_entropy_with_logits(
        LOGITS, ANSWERS.clamp(min=0).float(), pos_weight=weights, reduction="none"
    )
    assert loss_of(made, now, 2) == pytest.approx(float(terms[known].mean()), rel=1e-6)


def test_hits_are_the_share_of_known_labels_named_as_they_are():
    made = criterion()
    found = float(made.hits(torch.where(ANSWERS == 1, 5.0, -5.0), made.targets(ANSWERS)))
    assert found == pytest.approx(5)  # of six images one has no label that is known


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("marks")
    marks(root, 60)
    text = "data: {source: table.csv, columns: {label: marks}}\nmodel: {backbone: test_efficientnet, weights: none}\n"
    (root / "recipe.yaml").write_text(text, encoding="utf-8")
    return root / "recipe.yaml"


REFUSED = [
    (
        {"timeline": [{"at": "0ep", "loss": {"kind": "tail_focal"}}]},
        "timeline[0].loss: tail_focal, and an image may be",
    ),
    ({"timeline": [{"at": "0ep", "class_weights": {"kind": "inverse_frequency"}}]}, "weighs an image by its class"),
    ({"timeline": [{"at": "1ep", "sampler_power": 0.5}]}, "timeline[0].sampler_power: draws an image by how rare"),
    ({"timeline": [{"at": "0ep", "centre_loss": {}}]}, "draws an image to the centre of one class"),
    ({"train.select": "balanced_accuracy"}, "train.select: balanced_accuracy, and an image may be of several classes"),
    ({"train.stop": {"monitor": "balanced_accuracy"}}, "train.stop.monitor: balanced_accuracy"),
    ({"decision.sets": {}}, "decision.sets: decides among classes that exclude each other"),
    ({"decision.abstain": {"max_error": 0.1}}, "decision.abstain: decides among"),
    ({"decision.logit_adjustment": {}}, "decision.logit_adjustment: decides among"),
    ({"decision.calibration": "vector_scaling"}, "decision.calibration: calibrates classes that exclude"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED)
def test_what_is_of_one_class_an_image_is_refused(recipe, change, said):
    loaded = load_recipe(recipe, change)
    with pytest.raises(InputError) as caught, loaded.located():
        preview(loaded.recipe)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"timeline": [{"at": "0ep", "loss": {"kind": "asymmetric"}}]},
            "timeline[0].loss: asymmetric, and an image is",
        ),
        ({"train.select": "map"}, "train.select: map, and an image is of one class here"),
        ({"decision.misses": 0.1}, "decision.misses: counts the classes of an image that are missed"),
    ],
)
def test_what_is_of_several_classes_an_image_is_refused_of_one(small_recipe, change, said):
    keep = {} if "timeline" in change else {"timeline": []}
    loaded = load_recipe(small_recipe, {**keep, "decision": {}, **change})
    with pytest.raises(InputError) as caught, loaded.located():
        preview(loaded.recipe)
    assert said in str(caught.value)


def test_what_is_left_open_is_chosen_with_its_reason(recipe):
    found = preview(load_recipe(recipe).recipe)
    assert (found.recipe.train.select, found.recipe.decision.calibration) == ("map", "platt")
    assert any(note.startswith("train.select: map, since") for note in found.notes)
    kept = preview(load_recipe(recipe, {"train.select": "macro_f1", "decision.calibration": "temperature"}).recipe)
    assert (kept.recipe.train.select, kept.recipe.decision.calibration) == ("macro_f1", "temperature")
