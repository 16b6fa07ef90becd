import json

import numpy as np
import pytest

from sfumato.decision.abstention import AbstainSpec, fit_abstention
from sfumato.decision.calibration import Temperature
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.policy import Policy
from sfumato.decision.policy_fit import fit_policy
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.predictions import UNKNOWN, Predictions

TRAINED = np.array([30, 30])


def brute_force(confidence, correct, max_error, least=10):
    """Every threshold there is, the one of most answers whose error is low enough."""
    best = None
    for t in sorted(set(confidence)):
        accepted = confidence >= t
        if accepted.sum() >= least and (~correct[accepted]).mean() <= max_error:
            best = t if best is None else min(best, t)
    return best


@pytest.mark.parametrize("seed", range(20))
def test_threshold_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    confidence = np.round(rng.uniform(0.4, 1, 80), 2)  # with ties
    correct = rng.random(80) < confidence
    found = fit_abstention(confidence, correct, max_error=0.2)
    expected = brute_force(confidence, correct, 0.2)
    accepted = confidence >= found.threshold
    if expected is None:
        assert not found.reached
    else:
        assert (confidence >= expected).sum() == accepted.sum()
        assert found.reached
    assert found.error == pytest.approx((~correct[accepted]).mean())
    assert found.coverage == pytest.approx(accepted.mean())


def test_an_error_out_of_reach_is_said():
    confidence = np.linspace(0.5, 1, 40)
    found = fit_abstention(confidence, np.zeros(40, dtype=bool), max_error=0.05)
    assert not found.reached
    assert found.error == 1


def test_too_few_samples_refuse_nothing_and_say_so():
    found = fit_abstention(np.ones(3), np.ones(3, dtype=bool), max_error=0.1)
    assert found.threshold == 0
    assert found.error is None  # nothing was seen that a figure could stand for
    assert not found.reached
    assert Policy.from_dict(json.loads(json.dumps(Policy(abstention=found).to_dict())), "x").abstention == found


def test_policy_survives_json():
    policy = Policy(Temperature(1.7, 40), fit_abstention(np.linspace(0.2, 1, 40), np.arange(40) > 15, 0.1))
    again = Policy.from_dict(json.loads(json.dumps(policy.to_dict())), "policy.json")
    assert again == policy
    logits = np.random.default_rng(0).normal(size=(30, 3))
    assert np.array_equal(again.apply(logits).abstained, policy.apply(logits).abstained)


def test_a_broken_policy_names_its_file():
    with pytest.raises(InputError, match="^x/policy.json: not a policy"):
        Policy.from_dict({"temperature": {"warmth": 1}}, "x/policy.json")


def test_fitting_leaves_unknown_truth_out():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(60, 2)).astype(np.float32)
    truth = np.where(np.arange(60) % 2, UNKNOWN, logits.argmax(axis=1))
    said = Predictions(tuple(map(str, range(60))), truth, logits, LabelSpace(("a", "b")))
    policy = fit_policy(said, DecisionSpec(abstain=AbstainSpec(max_error=0.1)), TRAINED)
    assert policy.calibrator.samples == 30
    assert policy.abstention is not None
    assert policy.abstention.coverage == 1


def test_without_calibration_it_is_softmax():
    said = Predictions(("a",), np.array([0]), np.zeros((1, 2), dtype=np.float32), LabelSpace(("a", "b")))
    assert fit_policy(said, DecisionSpec(calibration="none"), TRAINED) == Policy()
