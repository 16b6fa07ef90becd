import pytest

from sfumato.errors import InputError
from sfumato.models.classifier import Classifier, ModelSpec, build_classifier
from sfumato.models.heads import LinearHeadSpec
from sfumato.training.batches import check_batches
from sfumato.training.duration import parse
from sfumato.training.keyframe import Keyframe
from sfumato.training.plan import Plan, make_plan
from sfumato.training.schedules import CosineSpec

HALF = (0.5, 0.5, 0.5)
LEARN = {"head.*": 1.0, "*": "frozen"}


def model(name: str) -> Classifier:
    return build_classifier(ModelSpec(backbone=name, weights="none"), 3, 32, HALF, HALF)


def plan(*keyframes, samples=32) -> Plan:
    made = [Keyframe.model_validate({"at": parse(k.pop("at")), **k}) for k in map(dict, keyframes)]
    return make_plan(made, CosineSpec(), base_lr=0.1, epochs=4, samples=samples, image_size=32, head=LinearHeadSpec())


@pytest.mark.parametrize(
    ("name", "keyframes", "processes", "message"),
    [
        (
            "test_resnet",
            [{"at": "2ep", "batch_size": 3}],
            4,
            "timeline: 3 images a step can't be shared by 4 processes (epoch 3); expected a batch_size of at least 4",
        ),
        (
            "test_efficientnet",
            [{"at": "0ep", "batch_size": 1}],
            1,
            "timeline: batch norm can't learn from one image of 32 px (epoch 1); expected a batch_size of at least 2",
        ),
        (
            "test_efficientnet",
            [{"at": "0ep", "batch_size": 3, "learn": LEARN}, {"at": "50%", "learn": {"*": 1.0}}],
            2,
            "timeline: batch norm can't learn from one image of 32 px (epoch 3); expected a batch_size of at least 4",
        ),
    ],
)
def test_batches_that_are_too_small(name, keyframes, processes, message):
    with pytest.raises(InputError) as caught:
        check_batches(model(name), plan(*keyframes), processes)
    assert str(caught.value).startswith(message)


def test_one_image_is_enough_where_no_statistics_are_learned():
    check_batches(model("test_convnext"), plan({"at": "0ep", "batch_size": 1}), 1)
    check_batches(model("test_efficientnet"), plan({"at": "0ep", "batch_size": 1, "learn": LEARN}), 1)
    check_batches(model("test_efficientnet"), plan({"at": "0ep", "batch_size": 1, "image_size": 128}), 1)


def test_too_few_samples_for_the_processes():
    with pytest.raises(InputError, match="2 images a step can't be shared by 4 processes"):
        check_batches(model("test_convnext"), plan(samples=2), 4)
