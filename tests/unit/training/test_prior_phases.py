"""The class prior a recipe implies, in closed form for 100, 10 and 1 images."""

import numpy as np
import pytest

from sfumato.losses.class_weights import InverseFrequencySpec
from sfumato.losses.logit_adjusted import BalancedSoftmaxSpec, LogitAdjustedSpec
from sfumato.models.heads import LinearHeadSpec
from sfumato.training.duration import parse
from sfumato.training.keyframe import Keyframe
from sfumato.training.plan import make_plan
from sfumato.training.priors import priors
from sfumato.training.schedules import ConstantSpec

COUNTS, NAMES = np.array([10, 100, 1, 0]), ("b", "a", "c", "none")


def found(*keyframes):
    made = [Keyframe.model_validate({"at": parse(k.pop("at")), **k}) for k in map(dict, keyframes)]
    plan = make_plan(made, ConstantSpec(), base_lr=0.1, epochs=10, samples=111, image_size=32, head=LinearHeadSpec())
    return [phase.text for phase in priors(plan, COUNTS, NAMES, "power")]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"sampler_power": 1.0}, "1 : 1 by sampler_power 1"),
        ({"sampler_power": 0.5}, "10 : 1 by sampler_power 0.5"),
        ({"class_weights": InverseFrequencySpec(cap=None)}, "1 : 1 by class_weights inverse_frequency"),
        ({"loss": BalancedSoftmaxSpec()}, "1 : 1 by balanced_softmax"),
        ({"loss": LogitAdjustedSpec(tau=0.5)}, "10 : 1 by logit_adjusted tau 0.5"),
        (
            {"loss": LogitAdjustedSpec(), "sampler_power": 0.5},
            "1 : 10 by sampler_power 0.5 and logit_adjusted",
        ),
    ],
)
def test_the_prior_and_what_corrects_it(settings, text):
    assert found({"at": "0ep", **settings}) == [f"from epoch 0, largest to rarest class 100 : 1 -> {text}"]


def test_only_changes_are_told():
    assert found({"at": "2ep", "mixup_alpha": 0.1}, {"at": "5ep", "sampler_power": 1.0, "mixup_alpha": 0}) == [
        "from epoch 0, largest to rarest class 100 : 1, uncorrected",
        "from epoch 5, largest to rarest class 100 : 1 -> 1 : 1 by sampler_power 1",
    ]
