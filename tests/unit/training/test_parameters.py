import pytest
import torch
from torch import nn

from sfumato.errors import InputError
from sfumato.models.classifier import Classifier
from sfumato.models.heads import LinearHeadSpec
from sfumato.training.parameters import apply_learning, learnable, scales

HALF = (0.5, 0.5, 0.5)
FROZEN = (("head.*", 1.0), ("*", 0.0))


def model() -> Classifier:
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return Classifier(backbone, LinearHeadSpec(dropout=0.5), 4, 2, HALF, HALF)


def train_steps(m: Classifier, steps: int = 3) -> None:
    optimizer = torch.optim.AdamW(m.parameters(), lr=0.1, weight_decay=0.5)
    for _ in range(steps):
        m.logits(torch.rand(4, 3, 8, 8) * 255).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()


def test_frozen_parts_stay_as_they_are_to_the_bit_statistics_included():
    m = model()
    before = {name: tensor.clone() for name, tensor in m.backbone.state_dict().items()}
    apply_learning(m, FROZEN)
    train_steps(m)
    assert all(torch.equal(before[name], tensor) for name, tensor in m.backbone.state_dict().items())
    assert all(parameter.grad is None for parameter in m.backbone.parameters())


def test_unfrozen_parts_move_again_statistics_included():
    m = model()
    apply_learning(m, FROZEN)
    before = {name: tensor.clone() for name, tensor in m.backbone.state_dict().items()}
    apply_learning(m, (("*", 1.0),))
    train_steps(m)
    moved = [name for name, tensor in m.backbone.state_dict().items() if not torch.equal(before[name], tensor)]
    assert sorted(moved) == sorted(before)


def test_dropout_rests_in_a_frozen_backbone_and_works_in_the_head():
    m = model()
    apply_learning(m, FROZEN)
    assert not m.backbone[2].training
    assert m.head[0].training


def test_first_match_wins():
    names = ["head.weight", "head.bias", "backbone.a.weight"]
    table = (("*.bias", 0.0), ("head.*", 3.0), ("*", 0.5))
    assert scales(names, table, "x") == {"head.weight": 3.0, "head.bias": 0.0, "backbone.a.weight": 0.5}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ((("head.*", 1.0),), 't: no pattern covers backbone.a.weight; end with "*": frozen, or "*": 1'),
        (
            (("haed.*", 1.0), ("*", 0.0)),
            "t: pattern 'haed.*' matches no parameter; expected patterns such as backbone.*, head.*; did you mean 'head.*'?",
        ),
        ((("*", 1.0), ("head.*", 1.0)), "t: pattern 'head.*' has no effect: those before it match all its parameters"),
        ((("*", 0.0),), "t: nothing learns; expected a pattern with a scale above 0"),
    ],
)
def test_tables_that_cannot_be_meant(table, message):
    with pytest.raises(InputError) as caught:
        scales(["backbone.a.weight", "head.weight"], table, "t")
    assert str(caught.value) == message


def test_learnable_counts_numbers():
    assert learnable(model(), FROZEN) == (4 * 2 + 2, 4 * 3 * 9 + 4 + 8 + 10)
