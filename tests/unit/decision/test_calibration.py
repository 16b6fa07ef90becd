import numpy as np
import pytest

from sfumato.decision.calibration import LEAST_SAMPLES, UNFITTED, Temperature, fit_temperature
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


def test_is_the_minimum_of_the_likelihood():
    logits, truth = calibrated(500, seed=3)
    best = fit_temperature(logits * 2.5, truth).value
    grid = np.exp(np.linspace(np.log(best) - 1, np.log(best) + 1, 401))
    losses = [negative_log_likelihood(logits * 2.5 / value, truth) for value in grid]
    assert grid[int(np.argmin(losses))] == pytest.approx(best, rel=0.01)


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


def test_all_right_or_all_wrong_stays_finite():
    logits = np.tile([5.0, 0.0], (50, 1))
    assert 0 < fit_temperature(logits, np.zeros(50, dtype=np.int64)).value < 1
    assert 1 < fit_temperature(logits, np.ones(50, dtype=np.int64)).value <= 100.1
