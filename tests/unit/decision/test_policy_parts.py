"""Every part of a policy: fitted, stored, read back and applied, on odd samples too."""

import json

import numpy as np
import pytest

from sfumato.decision.abstention import AbstainSpec
from sfumato.decision.conformal.sets import ConformalSpec
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.policy import Policy
from sfumato.decision.policy_fit import fit_policy
from sfumato.decision.thresholds.rules import PrecisionFloor
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.decision.view_policy import average_views, fit_view_policy
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.predictions import Predictions

NAMES = ("cat", "dog", "owl")
COUNTS = np.array([60, 30, 10])
KINDS = ("none", "temperature", "class_temperature", "vector_scaling", "platt", "isotonic", "beta")
SPECS = {
    **{kind: DecisionSpec(calibration=kind) for kind in KINDS},
    **{by: DecisionSpec(abstain=AbstainSpec(max_error=0.1, by=by)) for by in ("margin", "entropy", "energy")},
    "sure": DecisionSpec(abstain=AbstainSpec(max_error=0.2, sure=0.95)),
    "coverage": DecisionSpec(abstain=AbstainSpec(coverage=0.7)),
    "sets": DecisionSpec(calibration="vector_scaling", sets=ConformalSpec(alpha=0.1)),
    "costs": DecisionSpec(costs={"owl": {"cat": 20.0, "dog": 20.0}}),
    "thresholds": DecisionSpec(thresholds=ThresholdSpec(rule=PrecisionFloor(floor=0.9))),
    "priors": DecisionSpec(priors={"cat": 1.0, "dog": 1.0, "owl": 8.0}),
}


def table(samples=600, seed=0, groups=None, only=None) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, samples, p=COUNTS / 100) if only is None else np.full(samples, only)
    logits = 2 * (1.5 * np.eye(3)[truth] + rng.normal(0, 1, (samples, 3))) + np.log(COUNTS / 100)
    ids = tuple(map(str, range(samples)))
    return Predictions(ids, truth, logits.astype(np.float32), LabelSpace(NAMES), groups)


@pytest.mark.parametrize("name", SPECS)
def test_it_decides_the_same_once_stored_and_read(name):
    said, other = table(), table(seed=1)
    policy = fit_policy(said, SPECS[name], COUNTS)
    again = Policy.from_dict(json.loads(json.dumps(policy.to_dict())), "policy.json")
    again.check_classes(3, "policy.json")
    assert again == policy
    here, there = policy.apply(other.logits), again.apply(other.logits)
    for field in ("predicted", "probabilities", "abstained"):
        assert np.array_equal(getattr(here, field), getattr(there, field))
    assert (here.sets is None) == (name != "sets")
    assert here.probabilities.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_usual_policy_is_stored_as_it_ever_was(kind):
    document = fit_policy(table(), SPECS[kind], COUNTS).to_dict()
    usual = {"temperature", "abstention"}
    assert set(document) == (usual if kind in ("none", "temperature") else {"calibrator", "pooling", "abstention"})


@pytest.mark.parametrize("kind", KINDS)
def test_views_are_pooled_and_their_mean_calibrated(kind):
    said = {str(seed): table(seed=0) for seed in range(3)}
    rng = np.random.default_rng(5)
    said = {
        name: Predictions(one.ids, one.truth, one.logits + rng.normal(0, 1, (600, 3)).astype(np.float32), one.labels)
        for name, one in said.items()
    }
    policy = fit_view_policy(said, SPECS[kind], COUNTS)
    mean = average_views(said, policy)
    verdicts = policy.apply(mean.logits)
    right = -np.log(verdicts.probabilities[np.arange(600), mean.truth]).mean()
    each = [policy.apply(one.logits).probabilities[np.arange(600), one.truth] for one in said.values()]
    assert right < min(-np.log(one).mean() for one in each)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("samples", [0, 1, 7])
def test_few_samples_fit_and_none_are_decided_on(name, samples):
    policy = fit_policy(table(samples), SPECS[name], COUNTS)
    assert np.isfinite(policy.apply(table().logits).probabilities).all()
    assert policy.apply(np.zeros((0, 3), dtype=np.float32)).predicted.shape == (0,)


@pytest.mark.parametrize("name", SPECS)
def test_one_class_and_equal_scores_are_no_trouble(name):
    policy = fit_policy(table(60, only=1), SPECS[name], COUNTS)
    said = policy.apply(np.zeros((5, 3), dtype=np.float32))
    assert np.isfinite(said.probabilities).all()
    assert len(set(said.predicted.tolist())) == 1
    assert len(set(said.abstained.tolist())) == 1


@pytest.mark.parametrize("name", ["margin", "entropy", "energy", "sure", "thresholds"])
def test_what_is_no_number_is_not_answered(name):
    policy = fit_policy(table(), SPECS[name], COUNTS)
    rows = np.array([[0, 1, 2], [np.inf, np.nan, 0]], dtype=np.float32)
    with pytest.raises(InputError, match="sample 1, class 0: logits of inf; expected finite numbers"):
        policy.apply(rows)


@pytest.mark.parametrize("seed", range(5))
def test_sets_hold_what_they_promise_on_other_samples(seed):
    spec = DecisionSpec(calibration="beta", sets=ConformalSpec(alpha=0.1))
    policy, other = fit_policy(table(1000, seed), spec, COUNTS), table(5000, 100 + seed)
    sets = policy.apply(other.logits).sets
    assert sets is not None
    held = sets[np.arange(5000), other.truth].mean()
    assert 0.86 < held < 0.94


def test_groups_stay_whole_when_sets_are_fitted():
    half = table(300)
    twice = Predictions(
        tuple(map(str, range(600))),
        np.tile(half.truth, 2),
        np.tile(half.logits, (2, 1)),
        half.labels,
        np.tile(np.arange(300), 2),
    )
    found = fit_policy(twice, SPECS["sets"], COUNTS).sets
    assert found is not None
    assert found.counts == tuple(np.bincount(twice.truth, minlength=3).tolist())


def test_a_certainty_answers_less_and_says_its_bound():
    plain = fit_policy(table(), DecisionSpec(abstain=AbstainSpec(max_error=0.2)), COUNTS).abstention
    sure = fit_policy(table(), SPECS["sure"], COUNTS).abstention
    assert plain is not None and sure is not None and sure.bound is not None and sure.error is not None
    assert sure.coverage < plain.coverage
    assert sure.reached and sure.error < sure.bound <= 0.2


def test_coverage_is_what_was_asked_for():
    found = fit_policy(table(), SPECS["coverage"], COUNTS).abstention
    assert found is not None and found.coverage == pytest.approx(0.7, abs=0.01)


def test_the_answer_costs_least_and_its_confidence_is_its_own():
    policy, logits = fit_policy(table(), SPECS["costs"], COUNTS), table(seed=1).logits
    said = policy.apply(logits)
    costs = np.array([[0, 1, 1], [1, 0, 1], [20, 20, 0]])
    assert np.array_equal(said.predicted, (said.probabilities @ costs).argmin(axis=1))
    assert (said.predicted != said.probabilities.argmax(axis=1)).any()
    assert np.array_equal(said.confidence, said.probabilities[np.arange(600), said.predicted])


def test_priors_move_the_odds_by_their_ratio():
    before = fit_policy(table(), DecisionSpec(), COUNTS).apply(table().logits).probabilities
    after = fit_policy(table(), SPECS["priors"], COUNTS).apply(table().logits).probabilities
    moved = np.log(after[:, 2] / after[:, 0]) - np.log(before[:, 2] / before[:, 0])
    assert moved == pytest.approx(np.full(600, np.log((0.8 / 0.1) / (0.1 / 0.6))))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"costs": {"owl": {"cot": 2.0}}}, "decision.costs.owl: no class 'cot'"),
        ({"costs": {"owl": {"owl": 2.0}}}, "the right answer costs nothing"),
        ({"priors": {"cat": 1.0, "dog": 1.0}}, "decision.priors: says nothing of 'owl'"),
    ],
)
def test_classes_that_there_are_not_are_refused(spec, said):
    with pytest.raises(InputError, match=said):
        fit_policy(table(), DecisionSpec(**spec), COUNTS)
