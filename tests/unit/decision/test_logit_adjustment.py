import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics as sk

from sfumato.decision.abstention import AbstainSpec
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.logit_adjustment import (
    TAUS,
    LogitAdjustment,
    LogitAdjustmentSpec,
    best_row,
    class_priors,
    fit_adjustment,
    sweep,
)
from sfumato.decision.policy import Policy
from sfumato.decision.policy_fit import fit_policy
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.metrics.calibration import negative_log_likelihood
from sfumato.predictions import UNKNOWN, Predictions

GOLDEN = Path(__file__).parents[2] / "golden" / "bundle-format-1"


def two_gaussians(samples: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Logits of the Bayes classifier of N(-1, 1) and N(1, 1), drawn as often as they were trained on."""
    return np.stack([norm.logpdf(samples, -1), norm.logpdf(samples, 1)], axis=1) + np.log(class_priors(trained))


def boundary(logits: np.ndarray, samples: np.ndarray) -> float:
    """Where the answer changes from the first to the second class."""
    return float(samples[np.argmax(logits.argmax(axis=1) == 1)])


@pytest.mark.parametrize(("tau", "expected"), [(0.0, np.log(100) / 2), (0.5, np.log(100) / 4), (1.0, 0.0)])
def test_tau_moves_the_boundary_of_two_gaussians_to_that_of_equal_classes(tau, expected):
    """100:1 shifts the boundary by log(100) / 2 from the middle; tau takes that share of it back."""
    samples, trained = np.linspace(-4, 4, 80_001), np.array([10_000, 100])
    adjustment = LogitAdjustment(tau, tuple(class_priors(trained).tolist()), None)
    found = boundary(adjustment.adjusted(two_gaussians(samples, trained)), samples)
    assert found == pytest.approx(expected, abs=2e-4)


def test_the_best_tau_of_a_long_tail_is_one_for_balanced_accuracy_and_zero_for_accuracy():
    rng = np.random.default_rng(0)
    trained = np.array([100_000, 5_000])
    truth = np.repeat([0, 1], trained)
    logits = two_gaussians(rng.normal(2 * truth - 1), trained)
    rows = sweep(logits, truth, class_priors(trained))
    assert best_row(rows, "balanced_accuracy").tau == pytest.approx(1, abs=0.15)
    assert best_row(rows, "accuracy").tau == pytest.approx(0, abs=0.15)
    assert rows[20].balanced_accuracy == pytest.approx(norm.cdf(1), abs=0.005)  # of the balanced Bayes classifier
    assert best_row(rows, "macro_f1").macro_f1 > rows[0].macro_f1 + 0.02


def long_tail(samples: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits (N, 6), truth (N,), and training images (6,) of which the last class has none."""
    rng = np.random.default_rng(seed)
    trained = np.array([300, 120, 50, 20, 5, 0])
    truth = rng.choice(6, samples, p=class_priors(trained))
    return rng.normal(size=(samples, 6)) + 1.5 * np.eye(6)[truth] + np.log(class_priors(trained)), truth, trained


def test_a_sweep_scores_as_scikit_learn():
    logits, truth, trained = long_tail()
    rows = sweep(logits, truth, class_priors(trained))
    measured = np.unique(truth)
    for row in rows:
        said = (logits - row.tau * np.log(class_priors(trained))).argmax(axis=1)
        assert row.accuracy == pytest.approx(sk.accuracy_score(truth, said))
        recall = sk.recall_score(truth, said, labels=measured, average="macro", zero_division=0)
        assert row.balanced_accuracy == pytest.approx(recall)
        f1 = sk.f1_score(truth, said, labels=measured, average="macro", zero_division=0)
        assert row.macro_f1 == pytest.approx(f1)
    assert [row.tau for row in rows] == list(TAUS)
    assert (len(TAUS), TAUS[0], TAUS[1], TAUS[20], TAUS[-1]) == (31, 0, 0.05, 1, 1.5)


def test_tau_0_is_the_identity():
    logits, _, trained = long_tail()
    none = LogitAdjustment(0.0, tuple(class_priors(trained).tolist()), None)
    assert np.array_equal(none.adjusted(logits), logits)
    assert np.array_equal(Policy(adjustment=none).apply(logits).probabilities, Policy().apply(logits).probabilities)


def test_only_ratios_of_the_priors_matter():
    """A factor of the priors is a constant added to their logarithms."""
    logits, truth, trained = long_tail()
    priors = class_priors(trained)
    assert sweep(logits, truth, priors) == sweep(logits, truth, 1000 * priors)
    one, other = (LogitAdjustment(0.7, tuple((f * priors).tolist()), None) for f in (1, 1000))
    assert Policy(adjustment=one).apply(logits).probabilities == pytest.approx(
        Policy(adjustment=other).apply(logits).probabilities, abs=1e-12
    )


def test_classes_that_are_equally_frequent_are_left_alone():
    logits, truth, _ = long_tail()
    rows = sweep(logits, truth, class_priors(np.full(6, 40)))
    assert len({(row.accuracy, row.macro_f1) for row in rows}) == 1
    assert best_row(rows, "macro_f1").tau == 0


def test_a_class_without_training_images_is_as_rare_as_half_an_image():
    priors = class_priors(np.array([99, 1, 0]))
    assert priors == pytest.approx(np.array([99, 1, 0.5]) / 100.5)
    shift = -np.log(priors)
    assert np.isfinite(shift).all()
    assert shift[2] - shift[1] == pytest.approx(np.log(2))


@pytest.mark.parametrize("objective", ["accuracy", "balanced_accuracy", "macro_f1"])
def test_the_fitted_tau_is_the_best_of_the_sweep(objective):
    logits, truth, trained = long_tail()
    found = fit_adjustment(logits, truth, trained, LogitAdjustmentSpec(objective=objective))
    scores = {row.tau: getattr(row, objective) for row in sweep(logits, truth, class_priors(trained))}
    assert scores[found.tau] == max(scores.values())
    assert not [tau for tau, score in scores.items() if tau < found.tau and score == scores[found.tau]]
    assert (found.objective, len(found.priors)) == (objective, 6)


def predictions(unknown: int = 0) -> tuple[Predictions, np.ndarray]:
    logits, truth, trained = long_tail()
    truth[:unknown] = UNKNOWN
    ids = tuple(map(str, range(len(truth))))
    return Predictions(ids, truth, logits.astype(np.float32), LabelSpace(tuple("abcdef"))), trained


def test_a_policy_adjusts_then_calibrates_then_abstains():
    said, trained = predictions(unknown=30)
    spec = DecisionSpec(abstain=AbstainSpec(max_error=0.2), logit_adjustment=LogitAdjustmentSpec())
    policy = fit_policy(said, spec, trained)
    assert policy.adjustment is not None and policy.abstention is not None
    assert policy.adjustment.tau > 0
    assert policy.calibrator.samples == 370
    adjusted = policy.adjustment.adjusted(said.logits[30:])

    def loss(value: float) -> float:
        return negative_log_likelihood(adjusted / value, said.truth[30:])

    best = policy.calibrator.value
    assert loss(best) <= min(loss(best * 0.9), loss(best * 1.1))
    verdicts = policy.apply(said.logits[30:])
    assert np.array_equal(verdicts.predicted, adjusted.argmax(axis=1))
    assert policy.abstention.coverage == pytest.approx((~verdicts.abstained).mean())


def test_a_given_tau_needs_no_validation():
    _, trained = predictions()
    policy = fit_policy(None, DecisionSpec(logit_adjustment=LogitAdjustmentSpec(tau=0.8)), trained)
    assert policy == Policy(adjustment=LogitAdjustment(0.8, tuple(class_priors(trained).tolist()), None))
    assert fit_policy(None, DecisionSpec(), trained) == Policy()


def test_an_adjusted_policy_survives_json():
    said, trained = predictions()
    policy = fit_policy(said, DecisionSpec(logit_adjustment=LogitAdjustmentSpec(objective="accuracy")), trained)
    again = Policy.from_dict(json.loads(json.dumps(policy.to_dict())), "policy.json")
    assert again == policy
    assert np.array_equal(again.apply(said.logits).probabilities, policy.apply(said.logits).probabilities)


def test_policies_from_before_are_read_and_those_without_adjustment_are_written_as_then():
    document = json.loads((GOLDEN / "policy.json").read_text(encoding="utf-8"))
    policy = Policy.from_dict(document, "policy.json")
    assert policy.adjustment is None
    assert policy.to_dict() == document


@pytest.mark.parametrize(
    "change", [{"tau": -1}, {"priors": [0.5, 0]}, {"priors": []}, {"objective": "f1"}, {"more": 1}]
)
def test_a_broken_adjustment_names_its_file(change):
    adjustment = {"tau": 0.5, "priors": [0.5, 0.5], "objective": None, **change}
    document = {"temperature": {"value": 1.0, "samples": 0}, "abstention": None, "adjustment": adjustment}
    with pytest.raises(InputError, match="^x/policy.json: not a policy: "):
        Policy.from_dict(document, "x/policy.json").check_classes(2, "x/policy.json")


def test_a_policy_of_other_classes_is_refused():
    policy = Policy(adjustment=LogitAdjustment(0.5, (0.5, 0.3, 0.2), None))
    policy.check_classes(3, "x")
    Policy().check_classes(5, "x")
    with pytest.raises(InputError, match="^x: not a policy: 3 priors; expected 2, one a class$"):
        policy.check_classes(2, "x")
    assert replace(policy, adjustment=None) == Policy()
