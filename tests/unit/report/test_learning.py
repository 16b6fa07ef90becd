"""What the bars of a timeline are called: the module they hold, or the first and last of a row of modules."""

import pytest
from torch import nn

from sfumato.models.heads import LinearHeadSpec
from sfumato.report.learning import learning_bars
from sfumato.training.duration import parse
from sfumato.training.keyframe import Keyframe
from sfumato.training.plan import make_plan
from sfumato.training.schedules import CosineSpec

MODEL = nn.ModuleDict(
    {
        "backbone": nn.ModuleDict(
            {"stem": nn.Linear(2, 2), "blocks": nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])}
        ),
        "head": nn.Linear(2, 2),
    }
)


def names(learn):
    keyframes = [Keyframe(at=parse("0ep"), learn=learn)]
    plan = make_plan(keyframes, CosineSpec(), base_lr=1e-3, epochs=2, samples=64, image_size=32, head=LinearHeadSpec())
    return [(bar.name, bar.parameters) for bar in learning_bars(plan, MODEL)]


@pytest.mark.parametrize(
    ("learn", "expected"),
    [
        ({"head.*": 1, "*": "frozen"}, [("head", 6), ("backbone", 24)]),
        ({"backbone.stem.*": "frozen", "*": 1}, [("head", 6), ("backbone.blocks", 18), ("backbone.stem", 6)]),
        (
            {"backbone.stem.*": "frozen", "backbone.blocks.0.*": "frozen", "*": 1},
            [("head", 6), ("blocks.1 \N{EN DASH} blocks.2", 12), ("stem \N{EN DASH} blocks.0", 12)],
        ),
        (
            {"backbone.stem.*": "frozen", "backbone.blocks.1.*": "frozen", "*": 1},
            [("head", 6), ("rest of backbone", 24)],
        ),
    ],
)
def test_bars_are_named_after_the_modules_they_hold(learn, expected):
    assert names(learn) == expected
