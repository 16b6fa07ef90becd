"""Platt, beta and isotonic calibration and vector scaling, each against a reference."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from sfumato.decision.calibrators.beta import Beta, fit_beta
from sfumato.decision.calibrators.isotonic import fit_isotonic
from sfumato.decision.calibrators.logistic import fit_logistic, platt_targets
from sfumato.decision.calibrators.one_vs_rest import log_odds, softmax
from sfumato.decision.calibrators.platt import fit_platt
from sfumato.decision.calibrators.vector_scaling import fit_vector_scaling


def drawn(samples: int = 3000, seed: int = 0):
    """Scores of three classes, and a truth for which they are too sure and off by a constant."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (samples, 3))
    return scores, rng.random(scores.shape) < expit(0.5 * scores - 1)


def test_log_odds_of_a_softmax_are_exact_where_probabilities_round_to_1():
    logits = np.array([[0.0, -50.0, -60.0], [1.0, 1.0, 1.0], [800.0, 0.0, -800.0]])
    found = log_odds(logits, True)
    assert found[0, 0] == pytest.approx(50 - np.log1p(np.exp(-10)), abs=1e-12)
    assert found[1] == pytest.approx(np.log([0.5] * 3))
    assert found[2] == pytest.approx([800, -800, -1600])
    p = softmax(logits[:2])
    assert expit(found[:2]) == pytest.approx(p)


def test_platt_recovers_the_curve_that_made_the_truth():
    found = fit_platt(*drawn(40_000))
    assert found.slopes == pytest.approx([0.5] * 3, abs=0.02)
    assert found.intercepts == pytest.approx([-1] * 3, abs=0.05)


def test_logistic_regression_equals_scikit_learn():
    """Soft targets are there as each sample twice, weighted."""
    scores, truth = drawn(400)
    targets = platt_targets(truth[:, 0])
    twice, labels = np.concatenate([scores, scores]), np.repeat([1, 0], len(scores))
    weights = np.concatenate([targets, 1 - targets])
    sk = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(twice, labels, sample_weight=weights)
    found = fit_logistic(np.column_stack([scores, np.ones(len(scores))]), targets)
    assert found == pytest.approx([*sk.coef_[0], sk.intercept_[0]], abs=1e-5)


def test_a_separable_class_has_a_finite_curve():
    """At the minimum the probabilities have the sum of the targets, alone and times the score."""
    scores = np.linspace(-1, 1, 100)[:, None]
    p = fit_platt(scores, scores > 0, shrinkage=0).probabilities(scores)
    off = p[:, 0] - platt_targets(scores[:, 0] > 0)
    assert off.mean() == pytest.approx(0, abs=1e-6)
    assert (off * scores[:, 0]).mean() == pytest.approx(0, abs=1e-6)


def test_scores_that_fall_where_a_class_is_likelier_are_flat_rather_than_turned_round():
    scores, truth = drawn()
    for fit in (fit_platt, fit_beta):
        p = fit(-scores, truth, shrinkage=0).probabilities(-scores)
        assert np.ptp(p, axis=0) == pytest.approx(np.zeros(3))
        assert p.mean(axis=0) == pytest.approx(truth.mean(axis=0), abs=0.01)


@pytest.mark.parametrize("exclusive", [True, False])
def test_beta_1_1_0_is_the_identity(exclusive):
    logits = np.random.default_rng(0).normal(0, 4, (200, 3))
    ones = (1.0,) * 3
    own = softmax(logits) if exclusive else expit(logits)
    assert Beta(ones, ones, (0.0,) * 3, (0,) * 3, exclusive).probabilities(logits) == pytest.approx(own)


def test_beta_is_the_minimum_of_its_likelihood():
    scores, truth = drawn(500)
    found = fit_beta(scores, truth, shrinkage=0)
    for index in range(3):
        s, targets = scores[:, index], platt_targets(truth[:, index])

        def loss(x, s=s, targets=targets):
            eta = x[0] * log_expit(s) - x[1] * log_expit(-s) + x[2]
            return -(targets * log_expit(eta) + (1 - targets) * log_expit(-eta)).mean()

        best = minimize(loss, [1, 1, 0], bounds=[(0, None), (0, None), (None, None)], method="L-BFGS-B", tol=1e-14)
        assert loss([found.a[index], found.b[index], found.c[index]]) <= best.fun + 1e-9


def test_beta_recovers_a_curve_that_platt_cannot_draw():
    rng = np.random.default_rng(1)
    s = rng.normal(0, 2, (60_000, 1))
    truth = rng.random(s.shape) < expit(0.3 * log_expit(s) - 1.5 * log_expit(-s) - 0.5)
    found = fit_beta(s, truth)
    assert (found.a[0], found.b[0], found.c[0]) == pytest.approx((0.3, 1.5, -0.5), abs=0.08)


def test_isotonic_equals_scikit_learn():
    scores, truth = drawn()
    new, _ = drawn(500, seed=1)
    found = fit_isotonic(scores, truth, shrinkage=0).probabilities(new)
    for index in range(3):
        sk = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores[:, index], truth[:, index])
        assert found[:, index] == pytest.approx(sk.predict(new[:, index]), abs=1e-12)


def test_isotonic_says_no_0_and_no_1():
    scores, truth = drawn()
    p = fit_isotonic(scores, truth).probabilities(scores)
    assert p.min() > 0 and p.max() < 1


def test_vector_scaling_recovers_factors_and_constants():
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, (40_000, 3))
    true -= true.mean(axis=1, keepdims=True)
    truth = (softmax(true).cumsum(axis=1) > rng.random((len(true), 1))).argmax(axis=1)
    off = np.array([0.5, -1.0, 0.5])
    found = fit_vector_scaling(2 * (true - off), truth)
    assert found.factors == pytest.approx([0.5] * 3, rel=0.05)
    assert found.constants == pytest.approx(off, abs=0.06)
    assert sum(found.constants) == pytest.approx(0, abs=1e-3)


def test_vector_scaling_has_no_slope_left_at_its_minimum():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (500, 4))
    truth = (softmax(logits / 2 + [1, 0, 0, -1]).cumsum(axis=1) > rng.random((500, 1))).argmax(axis=1)
    p = fit_vector_scaling(logits, truth, shrinkage=0).probabilities(logits)
    rest = 1 / 502
    targets = np.where(np.eye(4)[truth] == 1, 1 - rest, rest / 3)
    assert (p - targets).mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-4)
    assert ((p - targets) * (logits - logits.mean(axis=1, keepdims=True))).mean(axis=0) == pytest.approx(
        np.zeros(4), abs=1e-4
    )


def long_tailed():
    """Scores of three classes with many, 12 or so and a few samples; and the same as class indices."""
    scores, truth = drawn(2000)
    truth[60:, 1], truth[15:, 2] = False, False
    return scores, truth, np.where(truth[:, 2], 2, np.where(truth[:, 1], 1, 0))


@pytest.mark.parametrize(("fit", "parts"), [(fit_platt, ("slopes", "intercepts")), (fit_beta, ("a", "b", "c"))])
def test_each_class_has_as_much_of_its_own_curve_as_its_samples_earn(fit, parts):
    scores, truth, _ = long_tailed()
    found, own, shared = (fit(scores, truth, shrinkage) for shrinkage in (10.0, 0.0, 1e15))
    weight = truth.sum(axis=0) / (truth.sum(axis=0) + 10)
    for part in parts:
        expected = weight * getattr(own, part) + (1 - weight) * getattr(shared, part)
        assert getattr(found, part) == pytest.approx(expected)
    assert np.ptp(getattr(shared, parts[0])) == pytest.approx(0, abs=1e-9)
    assert getattr(shared, parts[-1]) == pytest.approx([0] * 3, abs=1e-9)


def test_so_it_is_with_vector_scaling_whose_constants_sum_to_0():
    scores, _, truth = long_tailed()
    found, own, shared = (fit_vector_scaling(scores, truth, shrinkage) for shrinkage in (10.0, 0.0, 1e15))
    weight = np.array(found.counts) / (np.array(found.counts) + 10)
    assert found.factors == pytest.approx(weight * own.factors + (1 - weight) * shared.factors)
    assert sum(found.constants) == pytest.approx(0, abs=1e-9)
    middle = (weight * own.constants).sum() / weight.sum()
    assert found.constants == pytest.approx(weight * (np.array(own.constants) - middle), abs=1e-9)
