"""The prior a training implies, against its closed forms."""

import numpy as np
import pytest
from tests.plans import plan

from sfumato.training.priors import adjustment, corrections, effective_prior

COUNTS = np.array([12341, 166, 5])
NAMES = ("a", "b", "c")
INVERSE = {"kind": "inverse_frequency", "cap": None}


def prior(keyframe, counts=COUNTS, mix="power"):
    settings = plan({"at": "0ep", **keyframe}).at(0)
    return effective_prior(settings, counts, NAMES, mix)


def shares(mass):
    return mass / mass.sum()


@pytest.mark.parametrize(
    ("keyframe", "power"),
    [
        ({"augment": 0.5}, 1),
        ({"sampler_power": 0.5}, 0.5),
        ({"sampler_power": 1.0}, 0),
        ({"class_weights": INVERSE}, 0),
        ({"class_weights": {**INVERSE, "power": 0.5}}, 0.5),
        ({"loss": {"kind": "balanced_softmax"}}, 0),
        ({"loss": {"kind": "logit_adjusted", "tau": 0.5}}, 0.5),
        ({"loss": {"kind": "logit_adjusted", "tau": 2.0}}, -1),
        ({"sampler_power": 1.0, "class_weights": INVERSE}, -1),
        ({"sampler_power": 0.5, "class_weights": INVERSE, "loss": {"kind": "balanced_softmax"}}, -1.5),
        ({"loss": {"kind": "tail_focal"}}, 1),
        ({"class_weights": {"kind": "effective_number", "beta": 0.0}}, 1),
    ],
)
def test_a_power_of_the_counts(keyframe, power):
    """Balanced sampling with inverse weights is 1 / n: beyond balance."""
    found = prior(keyframe)
    assert found == pytest.approx(shares(COUNTS.astype(float) ** power), rel=1e-4)
    assert found.sum() == pytest.approx(1)


def test_mixes_of_the_sampler():
    found = prior({"sampler_power": 0.5}, mix="distribution")
    assert found == pytest.approx(0.5 / 3 + 0.5 * COUNTS / COUNTS.sum())


def test_a_cap_leaves_the_rest_of_the_imbalance():
    found = prior({"class_weights": {"kind": "inverse_frequency", "cap": 50}})
    assert found[2] / found[0] == pytest.approx(5 / 12341 * 50, rel=1e-4)


@pytest.mark.parametrize(
    "keyframe", [{"sampler_power": 0.5}, {"class_weights": INVERSE}, {"loss": {"kind": "balanced_softmax"}}]
)
def test_a_class_without_image_has_no_share(keyframe):
    found = prior(keyframe, np.array([10, 0, 5]))
    assert found[1] == 0
    assert found.sum() == pytest.approx(1)


def test_corrections_are_named():
    off, on = plan().at(0), plan({"at": "0ep", "sampler_power": 0.1, "class_weights": {}}).at(0)
    assert corrections(off) == ()
    assert corrections(on) == ("sampler_power", "class_weights")
    adjusted = plan({"at": "0ep", "loss": {"kind": "logit_adjusted", "tau": 0.7}}).at(0)
    assert corrections(adjusted) == ("loss",)
    assert [adjustment(settings) for settings in (off, adjusted)] == [0, 0.7]
