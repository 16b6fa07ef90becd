"""What is fitted on views is fitted on the mean of their probabilities."""

import numpy as np
import pytest

from sfumato.decision.abstention import AbstainSpec
from sfumato.decision.averaging import log_mean
from sfumato.decision.calibration import fit_temperature, soft_targets
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.logit_adjustment import LogitAdjustmentSpec
from sfumato.decision.mean_temperature import fit_mean_temperature
from sfumato.decision.policy_fit import fit_policy
from sfumato.decision.view_policy import average_views, fit_view_policy
from sfumato.labels import LabelSpace
from sfumato.predictions import UNKNOWN, Predictions

COUNTS = np.array([60, 30, 10])


def tables(views, samples=300, noise=1.5, seed=0, sure=2.0, unknown=0) -> dict[str, Predictions]:
    """Logits of a true class and noise of each view's own; `sure` makes them overconfident."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, samples, p=COUNTS / COUNTS.sum())
    known = truth.copy()
    known[:unknown] = UNKNOWN
    ids = tuple(f"{i:03}" for i in range(samples))
    logits = [sure * (2 * np.eye(3)[truth] + rng.normal(0, noise, (samples, 3))) for _ in range(views)]
    labels = LabelSpace(("a", "b", "c"))
    return {f"v{i}": Predictions(ids, known, one.astype(np.float32), labels) for i, one in enumerate(logits)}


def stacked(said) -> np.ndarray:
    return np.stack([table.logits for table in said.values()])


def test_equal_views_have_the_temperature_of_one():
    said = tables(1)
    logits, truth = said["v0"].logits, said["v0"].truth
    one = fit_temperature(logits, truth)
    assert fit_mean_temperature(np.stack([logits] * 3), truth).value == pytest.approx(one.value, rel=1e-3)
    assert fit_mean_temperature(logits[None], truth) == one


def test_the_temperature_is_the_likeliest_of_the_mean():
    said = tables(3)
    truth = said["v0"].truth
    found = fit_mean_temperature(stacked(said), truth)
    targets = soft_targets(truth, 3)

    def loss(value):
        return -(targets * log_mean(stacked(said).astype(np.float64) / value)).sum()

    grid = np.exp(np.linspace(np.log(0.05), np.log(20), 2000))
    assert found.value == pytest.approx(grid[np.argmin([loss(value) for value in grid])], rel=5e-3)
    assert found.samples == len(truth)
    alone = fit_temperature(said["v0"].logits, truth).value
    assert found.value < alone  # a mean of several is less sure already


def test_few_samples_fit_nothing():
    assert not fit_mean_temperature(stacked(tables(2, samples=19)), tables(2, samples=19)["v0"].truth).fitted


SPECS = {
    "calibrated": DecisionSpec(),
    "plain": DecisionSpec(calibration="none"),
    "adjusted": DecisionSpec(logit_adjustment=LogitAdjustmentSpec()),
    "withheld": DecisionSpec(abstain=AbstainSpec(max_error=0.05)),
}


@pytest.mark.parametrize("name", SPECS)
def test_of_one_view_it_is_the_policy_without_views(name):
    said = tables(1, unknown=7)
    assert fit_view_policy(said, SPECS[name], COUNTS) == fit_policy(said["v0"], SPECS[name], COUNTS)
    assert average_views(said, fit_view_policy(said, SPECS[name], COUNTS)) is said["v0"]


@pytest.mark.parametrize("name", SPECS)
def test_the_answer_is_the_mean_of_calibrated_probabilities_not_of_logits(name):
    said = tables(3, unknown=7)
    policy = fit_view_policy(said, SPECS[name], COUNTS)
    each = [policy.apply(table.logits).probabilities for table in said.values()]
    found = policy.apply(average_views(said, policy).logits)
    assert np.allclose(found.probabilities, np.mean(each, axis=0), atol=1e-5)
    of_mean_logits = policy.apply(stacked(said).mean(axis=0)).probabilities
    assert np.abs(found.probabilities - of_mean_logits).max() > 0.05
    if policy.abstention:
        kept = ~found.abstained[7:]
        wrong = (found.predicted[7:] != said["v0"].truth[7:])[kept]
        assert wrong.mean() <= 0.05
        assert policy.abstention.coverage == pytest.approx(kept.mean())


def test_without_validation_nothing_is_fitted():
    assert not fit_view_policy(None, DecisionSpec(), COUNTS).calibrator.fitted
