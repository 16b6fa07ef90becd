import numpy as np
import pytest
import torch

from sfumato.metrics.calibration import expected_calibration_error, negative_log_likelihood, reliability


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
