import pytest
import torch
from tests.jobs import job_of, table_of, tiny_model
from tests.plans import plan
from torch import nn

from sfumato.data.loading import Batch
from sfumato.errors import InputError
from sfumato.models.classifier import Classifier
from sfumato.models.heads import LinearHeadSpec
from sfumato.training.job import TrainSpec
from sfumato.training.optimizer import AdamWSpec
from sfumato.training.parameters import apply_learning, learnable, scales
from sfumato.training.step import Learner

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


def test_frozen_parts_keep_every_bit_through_steps_of_the_loop():
    """Weights, statistics and counters, with weight decay, momentum of a former phase and an average beside."""
    p = plan(
        {"at": "0ep", "batch_size": 8, "ema_decay": 0.5},
        {"at": "1ep", "learn": {"head.*": 1.0, "backbone.4.*": 1.0, "*": "frozen"}},
        {"at": "2ep", "learn": {"head.*": 1.0, "*": "frozen"}},
        {"at": "3ep", "learn": {"*": 1.0}},
    )
    taught = tiny_model()
    spec = TrainSpec(optimizer=AdamWSpec(weight_decay=0.5))
    learner, generator = Learner(job_of(taught, p, spec, train=table_of([12, 12, 8]))), torch.Generator().manual_seed(0)
    moved = []
    for epoch in range(4):
        before = {name: tensor.clone() for name, tensor in taught.state_dict().items()}
        for step in range(4 * epoch, 4 * epoch + 4):
            learner.apply(p.at(step))
            images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=generator)
            learner.step(Batch(images, (torch.arange(8) % 3)[:, None], tuple(range(8))), p.at(step), 8)
            frozen = {"1": ("backbone.0", "backbone.1", "backbone.5"), "2": ("backbone",)}.get(str(epoch), ())
            assert all(w.grad is None for name, w in taught.named_parameters() if name.startswith(frozen))
        moved.append({name for name, tensor in taught.state_dict().items() if not torch.equal(tensor, before[name])})
    everything = set(taught.state_dict())
    assert len(everything) == 16
    assert moved[0] == moved[3] == everything
    assert moved[1] == {f"{part}.{kind}" for part in ("backbone.4", "head.1") for kind in ("weight", "bias")}
    assert moved[2] == {"head.1.weight", "head.1.bias"}


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
