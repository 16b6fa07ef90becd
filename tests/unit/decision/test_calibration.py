import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from sfumato.decision.calibration import LEAST_SAMPLES, UNFITTED, Temperature, fit_temperature, soft_targets
from sfumato.metrics.calibration import expected_calibration_error, negative_log_likelihood


def calibrated(samples: int, classes: int = 4, seed: int = 0):
    """Logits whose softmax is the true chance of each class."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(samples, classes)) * 2
    p = Temperature().probabilities(logits)
    return logits, (p.cumsum(axis=1) > rng.random((samples, 1))).argmax(axis=1)


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0, 20.0])
def test_recovers_a_known_temperature(factor):
    logits, truth = calibrated(20_000)
    assert fit_temperature(logits * factor, truth).value == pytest.approx(factor, rel=0.03)


def test_targets_are_those_of_platt():
    """His t+ = (N + 1) / (N + 2) and t- = 1 / (N + 2), here of 8 samples."""
    assert soft_targets(np.array([0, 1] * 4), 2)[:2] == pytest.approx(np.array([[0.9, 0.1], [0.1, 0.9]]))
    assert soft_targets(np.array([2] * 8), 3)[0] == pytest.approx([0.05, 0.05, 0.9])


@pytest.mark.parametrize(("samples", "scale"), [(20, 2.5), (60, 0.4), (500, 2.5)])
def test_is_the_minimum_of_the_cross_entropy_with_soft_targets(samples, scale):
    logits, truth = calibrated(samples, seed=3)
    scores, targets = torch.from_numpy(logits * scale), torch.from_numpy(soft_targets(truth, 4))

    def loss(log_value: float) -> float:
        return float(torch.nn.functional.cross_entropy(scores / np.exp(log_value), targets))

    best = minimize_scalar(loss, bounds=(np.log(0.01), np.log(100)), options={"xatol": 1e-8}).x
    assert np.log(fit_temperature(logits * scale, truth).value) == pytest.approx(best, abs=1e-5)


def test_many_samples_give_the_maximum_of_the_likelihood():
    logits, truth = calibrated(5000, seed=3)
    best = fit_temperature(logits * 2.5, truth).value
    grid = np.exp(np.linspace(np.log(best) - 1, np.log(best) + 1, 401))
    losses = [negative_log_likelihood(logits * 2.5 / value, truth) for value in grid]
    assert grid[int(np.argmin(losses))] == pytest.approx(best, rel=0.01)


def test_a_separable_validation_part_does_not_make_it_certain():
    """Two classes 4 standard deviations apart: accuracy 97.7 %, and 20 samples are often all answered rightly."""
    rng = np.random.default_rng(0)

    def draw(samples: int) -> tuple[np.ndarray, np.ndarray]:
        truth = rng.integers(0, 2, samples)
        score = 4 * (rng.normal(2 * (2 * truth - 1), 1)) / 2
        return np.stack([-score, score], axis=1), truth

    test = draw(4000)
    losses = []
    for _ in range(100):
        found = fit_temperature(*draw(20)).value
        losses.append(negative_log_likelihood(test[0] / found, test[1]))
    assert negative_log_likelihood(*test) < 0.07
    assert np.mean(losses) < 0.15
    assert np.max(losses) < 0.3


def test_keeps_every_answer_and_lowers_the_calibration_error():
    logits, truth = calibrated(3000, seed=1)
    loud = logits * 4
    before, after = Temperature().probabilities(loud), fit_temperature(loud, truth).probabilities(loud)
    assert np.array_equal(before.argmax(axis=1), after.argmax(axis=1))
    right = before.argmax(axis=1) == truth
    assert (
        expected_calibration_error(after.max(axis=1), right) < expected_calibration_error(before.max(axis=1), right) / 4
    )


def test_rows_sum_to_one_for_huge_logits():
    p = Temperature(0.01).probabilities(np.array([[1e4, -1e4], [0.0, 0.0]], dtype=np.float32))
    assert p.sum(axis=1) == pytest.approx([1, 1])
    assert np.isfinite(p).all()


def test_too_few_samples_are_not_fitted():
    logits, truth = calibrated(LEAST_SAMPLES - 1)
    assert fit_temperature(logits, truth) == UNFITTED
    assert not UNFITTED.fitted


def test_all_right_is_as_sure_as_that_many_samples_allow():
    logits = np.tile([5.0, 0.0], (50, 1))
    found = fit_temperature(logits, np.zeros(50, dtype=np.int64))
    assert found.probabilities(logits)[0, 0] == pytest.approx(51 / 52)
    assert fit_temperature(logits, np.ones(50, dtype=np.int64)).value == pytest.approx(100)
