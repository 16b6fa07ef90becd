"""What is fitted where classes are unknown of some samples: each class by the samples that have its answer."""

import numpy as np
import pytest

from sfumato.decision.branch_share import fit_branch_share
from sfumato.decision.calibrators.calibrator import fit_calibrator
from sfumato.decision.calibrators.one_vs_rest import sigmoid
from sfumato.decision.calibrators.platt import LEAST_SAMPLES, fit_platt
from sfumato.decision.calibrators.shared_slope import fit_shared_slope
from sfumato.decision.fusion.cross_entropy import cross_entropy, less_truth, losses
from sfumato.decision.fusion.fitting import fit_fusion
from sfumato.decision.thresholds.fit import fit_thresholds
from sfumato.decision.thresholds.rules import FBeta
from sfumato.ensembles.lacking import frequencies

CLASSES = 4


def drawn(samples=1200, hidden=0.4, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (samples, CLASSES))
    truth = (rng.random(logits.shape) < sigmoid(logits)).astype(np.int8)
    truth[rng.random(logits.shape) < hidden] = -1
    return 2 * logits, truth


@pytest.mark.parametrize("kind", ["platt", "class_temperature", "beta", "isotonic"])
def test_each_class_is_calibrated_by_its_own_answers(kind):
    """As if it had been alone with them, but for what it shares with the others by its shrinkage."""
    logits, truth = drawn(4000)
    found = fit_calibrator(kind, logits, truth)
    for c in range(CLASSES):
        known = truth[:, c] != -1
        alone = fit_calibrator(kind, logits[known][:, [c]], truth[known][:, [c]] == 1)
        assert found.probabilities(logits)[:, [c]] == pytest.approx(alone.probabilities(logits[:, [c]]), abs=0.01)
        assert found.counts[c] == alone.counts[0]


def test_the_shared_slope_goes_by_all_known_pairs():
    logits, truth = drawn()
    other = np.where(truth == -1, 99.0, logits)
    assert fit_shared_slope(logits, truth) == fit_shared_slope(other, truth) == pytest.approx(0.5, rel=0.1)


def test_a_class_of_few_answers_has_what_all_share():
    logits, truth = drawn()
    truth[LEAST_SAMPLES - 1 :, 1] = -1
    found = fit_platt(logits, truth)
    assert (found.slopes[1], found.intercepts[1]) == (fit_shared_slope(logits, truth), 0.0)
    assert not fit_platt(logits[: LEAST_SAMPLES - 1], truth[: LEAST_SAMPLES - 1]).fitted


def test_thresholds_are_those_of_the_known_answers():
    logits, truth = drawn()
    p = sigmoid(logits / 2)
    found = fit_thresholds(p, truth, FBeta())
    for c in range(CLASSES):
        known = truth[:, c] != -1
        alone = fit_thresholds(p[known][:, [c]], truth[known][:, [c]] == 1, FBeta(), shared=found.shared)
        assert found.classes[c] == alone.classes[0]


def test_unknown_answers_cost_nothing_and_move_nothing():
    logits, truth = drawn(200)
    whole = np.where(truth == -1, 0, truth).astype(np.int8)
    expected = np.logaddexp(0, np.where(whole == 1, -logits, logits)) * (truth != -1)
    assert losses(logits, truth) == pytest.approx(expected.sum(axis=1))
    z = logits.copy()
    assert cross_entropy(z, truth) == pytest.approx(expected.sum())
    assert less_truth(z, truth) == pytest.approx((sigmoid(logits) - whole) * (truth != -1))


@pytest.mark.parametrize("kind", ["weighted", "stacked"])
def test_a_fusion_goes_by_known_answers(kind):
    logits, truth = drawn(400)
    said = [logits.astype(np.float32), np.random.default_rng(1).normal(0, 3, logits.shape).astype(np.float32)]
    found = fit_fusion(kind, said, truth)
    assert all(min(found.weights[0]) > weight for weight in found.weights[1])  # the first knows, the second does not
    other = [np.where(truth == -1, 7, one).astype(np.float32) for one in said]
    assert fit_fusion(kind, other, truth) == found


def test_branches_are_shared_by_known_answers():
    logits, truth = drawn(500)
    noise = np.random.default_rng(1).normal(0, 3, logits.shape)
    found = fit_branch_share(logits, noise, truth)
    assert found.share > 0.9
    assert found == fit_branch_share(np.where(truth == -1, 9, logits), np.where(truth == -1, -9, noise), truth)


def test_frequencies_are_of_known_answers():
    truth = np.array([[1, -1], [1, 0], [0, -1]], dtype=np.int8)
    assert frequencies(truth, 2) == pytest.approx(np.log([3 / 2, 1 / 2]))
