import numpy as np
import pytest
import torch

from sfumato.metrics.calibration import (
    chance_errors,
    expected_calibration_error,
    negative_log_likelihood,
    reliability,
)


def test_ece_of_a_hand_example():
    # two bins of 5: confidence .9 with 3 of 4 right, confidence .5 with 1 of 2 right
    confidence = np.array([0.9, 0.9, 0.9, 0.9, 0.5, 0.5])
    correct = np.array([True, True, True, False, True, False])
    assert expected_calibration_error(confidence, correct, bins=5) == pytest.approx(4 / 6 * 0.15)


def test_ece_of_perfectly_calibrated_answers_goes_to_zero():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, 200_000)
    assert expected_calibration_error(confidence, rng.random(200_000) < confidence) < 0.005


def test_edges_of_bins_belong_to_the_lower_bin_and_zero_to_the_first():
    table = reliability(np.array([0.0, 0.2, 0.2000001, 1.0]), np.ones(4, dtype=bool), bins=5)
    assert table.count.tolist() == [2, 1, 0, 0, 1]


def test_nll_equals_torch():
    rng = np.random.default_rng(1)
    logits, truth = rng.normal(size=(50, 6)).astype(np.float32) * 30, rng.integers(0, 6, 50)
    reference = torch.nn.functional.cross_entropy(torch.tensor(logits, dtype=torch.float64), torch.tensor(truth))
    assert negative_log_likelihood(logits, truth) == pytest.approx(float(reference))


def test_no_sample_gives_zero():
    assert expected_calibration_error(np.array([]), np.array([], dtype=bool)) == 0
    assert negative_log_likelihood(np.zeros((0, 3)), np.array([], dtype=np.int64)) == 0


def honest(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    confidence = 0.5 + 0.5 * rng.beta(5, 1.5, samples)
    return confidence, rng.random(samples) < confidence


def test_errors_by_chance_are_those_of_honest_models():
    confidence, _ = honest(100, 0)
    rng = np.random.default_rng(1)
    plain = [expected_calibration_error(confidence, rng.random(100) < confidence) for _ in range(2000)]
    drawn = chance_errors(confidence, draws=2000)
    assert drawn.mean() == pytest.approx(np.mean(plain), rel=0.03)
    assert np.quantile(drawn, 0.95) == pytest.approx(np.quantile(plain, 0.95), rel=0.05)


def test_one_bin_by_chance_is_the_binomial():
    """All of 50 samples at 0.9: |k - 45| / 50, k binomial."""
    from scipy import stats

    k = np.arange(51)
    expected = (abs(k - 45) / 50 * stats.binom.pmf(k, 50, 0.9)).sum()
    assert chance_errors(np.full(50, 0.9), draws=20_000).mean() == pytest.approx(expected, rel=0.03)


def test_chance_explains_an_honest_model_in_95_of_100_cases():
    blamed = [
        expected_calibration_error(*honest(60, seed)) > np.quantile(chance_errors(honest(60, seed)[0]), 0.95)
        for seed in range(300)
    ]
    assert 0.01 < np.mean(blamed) < 0.09


def test_drawing_in_chunks_is_drawing_at_once(monkeypatch):
    from sfumato.metrics import calibration

    confidence, _ = honest(40, 0)
    whole = chance_errors(confidence)
    monkeypatch.setattr(calibration, "_DRAWN_AT_ONCE", 170)
    assert np.array_equal(chance_errors(confidence), whole)
    assert chance_errors(np.array([])).max() == 0
