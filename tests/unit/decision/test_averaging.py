"""The average of networks, against the mean of the probabilities that a policy gives to each."""

import numpy as np
import pytest

from sfumato.decision.averaging import averaged, averaged_tasks
from sfumato.decision.calibration import Temperature
from sfumato.decision.logit_adjustment import LogitAdjustment
from sfumato.decision.policy import Policy

LOGITS = np.random.default_rng(3).normal(0, 4, (3, 50, 4)).astype(np.float32)
POLICIES = {
    "plain": Policy(),
    "calibrated": Policy(Temperature(1.7, 40)),
    "adjusted": Policy(Temperature(0.6, 40), None, LogitAdjustment(1.0, (0.6, 0.25, 0.1, 0.05), None)),
}


@pytest.mark.parametrize("name", POLICIES)
def test_the_policy_answers_with_the_mean_of_calibrated_probabilities(name):
    policy = POLICIES[name]
    mean = np.mean([policy.apply(logits).probabilities for logits in LOGITS], axis=0)
    assert np.allclose(policy.apply(averaged(LOGITS, policy)).probabilities, mean, atol=1e-6)


@pytest.mark.parametrize("name", POLICIES)
def test_of_one_network_it_is_that_network(name):
    policy = POLICIES[name]
    alone = policy.apply(LOGITS[0]).probabilities
    assert np.allclose(policy.apply(averaged(LOGITS[:1], policy)).probabilities, alone, atol=1e-6)


def test_certainty_stays_finite():
    logits = np.array([[[1e4, -1e4, 0.0]], [[1e4, 0.0, -1e4]]], dtype=np.float32)
    found = averaged(logits, Policy(Temperature(0.01, 40)))
    assert np.isfinite(found).all()
    assert found.argmax() == 0


def test_each_task_has_its_own_policy():
    slices, policies = {"a": slice(0, 2), "b": slice(2, 4)}, {"a": Policy(), "b": Policy(Temperature(3.0, 40))}
    found = averaged_tasks(LOGITS, policies, slices)
    for task, where in slices.items():
        assert np.array_equal(found[:, where], averaged(LOGITS[:, :, where], policies[task]))
