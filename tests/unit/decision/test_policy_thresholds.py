"""Thresholds as a part of policies: what they are fitted on, beside what else they stand, and what they decide."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sfumato.decision.abstention import AbstainSpec
from sfumato.decision.conformal.sets import ConformalSpec
from sfumato.decision.dealing import deal
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.policies import policies_from_dict, policies_to_dict, write_thresholds
from sfumato.decision.policy import Policy
from sfumato.decision.policy_fit import FOLDS, fit_policy
from sfumato.decision.prior_shift import PriorShift
from sfumato.decision.thresholds.answering import fit_answer_thresholds
from sfumato.decision.thresholds.rules import FBeta, LeastCost, PrecisionFloor, RecallFloor
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.decision.view_policy import average_views, fit_view_policy
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.predictions import Predictions
from sfumato.tasks import TaskLayout

COUNTS = np.array([80, 20])
F1 = DecisionSpec(thresholds=ThresholdSpec())


def gate(samples=400, seed=0, sure=1.0, share=0.2) -> Predictions:
    """A gate whose charts, one in five, are told from the rest more or less well."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(samples) < share).astype(np.int64)
    z = rng.normal(1.6 * truth - 0.8, 1) * 1.6 + np.log(share / (1 - share))
    logits = sure * np.stack([-z / 2, z / 2], axis=1)
    ids = tuple(map(str, range(samples)))
    return Predictions(ids, truth, logits.astype(np.float32), LabelSpace(("other", "chart")))


def test_of_two_classes_they_choose_the_answer_on_other_samples_too():
    said, other = gate(1500, sure=3.0), gate(3000, seed=1, sure=3.0)
    plain, asked = fit_policy(said, DecisionSpec(), COUNTS), fit_policy(said, F1, COUNTS)
    before, after = plain.apply(other.logits), asked.apply(other.logits)
    assert np.array_equal(before.probabilities, after.probabilities)

    def f1(predicted):
        return 2 * (predicted & other.truth).sum() / (predicted.sum() + other.truth.sum())

    assert f1(after.predicted) > f1(before.predicted) + 0.01
    assert np.array_equal(after.confidence, after.probabilities[np.arange(3000), after.predicted])
    assert not after.abstained.any()


def test_an_older_policy_has_none():
    document = Policy().to_dict()
    assert "thresholds" not in document
    assert Policy.from_dict(json.loads(json.dumps(document)), "policy.json").thresholds is None


def test_it_is_read_back_and_only_for_as_many_classes():
    policy = fit_policy(gate(), F1, COUNTS)
    layout = TaskLayout({"": LabelSpace(("other", "chart"))})
    document = json.loads(json.dumps(policies_to_dict({"": policy})))
    assert policies_from_dict(document, layout, "policy.json") == {"": policy}
    with pytest.raises(InputError, match=r"policy\.json: not a policy: 2 classes of thresholds"):
        policies_from_dict(document, TaskLayout({"": LabelSpace(("a", "b", "c"))}), "policy.json")
    document["thresholds"]["fitted"]["classes"][0]["threshold"] = 1.5
    with pytest.raises(InputError, match=r"threshold should be less than or equal to 1"):
        Policy.from_dict(document, "policy.json")


@pytest.mark.parametrize("kind", ["temperature", "isotonic", "platt"])
def test_they_are_fitted_on_what_others_calibrated(kind):
    """Done again by hand: each fold by a calibrator that was fitted on the other four."""
    said, spec = gate(700, sure=3.0), F1.model_copy(update={"calibration": kind})
    fold, honest = deal(said.truth, said.groups, FOLDS), np.zeros((700, 2))
    for number in range(FOLDS):
        inside, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        part = Predictions(tuple(map(str, rest)), said.truth[rest], said.logits[rest], said.labels)
        calibrated = fit_policy(part, DecisionSpec(calibration=kind), COUNTS)
        honest[inside] = calibrated.probabilities(said.logits[inside])
    assert fit_policy(said, spec, COUNTS).thresholds == fit_answer_thresholds(honest, said.truth, F1.thresholds, 1)


@pytest.mark.parametrize(("samples", "kind"), [(22, "temperature"), (55, "platt")])
def test_where_four_folds_are_too_few_to_calibrate_all_five_do(samples, kind):
    """Else thresholds of plain softmax would meet calibrated probabilities."""
    spec = DecisionSpec(calibration=kind, thresholds=ThresholdSpec(), sets=ConformalSpec(alpha=0.2))
    said = gate(samples, sure=8.0, share=0.5)
    policy = fit_policy(said, spec, COUNTS)
    assert policy.calibrator.fitted and policy.thresholds is not None and policy.sets is not None
    found = fit_answer_thresholds(policy.probabilities(said.logits), said.truth, ThresholdSpec(), 1)
    assert policy.thresholds == found
    held = policy.apply(gate(2000, seed=1, sure=8.0, share=0.5).logits).sets
    assert held is not None and held.mean() < 1


def test_costs_need_no_sample():
    spec = DecisionSpec(thresholds=ThresholdSpec(rule=LeastCost(miss=3.0)))
    policy = fit_policy(gate(10), spec, COUNTS)
    assert policy.thresholds is not None and policy.thresholds.fitted.values.tolist() == [0.25]


def test_beside_other_frequencies_they_are_best_at_those():
    """One chart in fifty: the best F1 there, not among the validation samples."""
    spec = DecisionSpec(thresholds=ThresholdSpec(), priors={"other": 49.0, "chart": 1.0})
    said, used = gate(4000), gate(60_000, seed=1, share=0.02)
    policy = fit_policy(said, spec, COUNTS)
    at = replace(policy, shift=PriorShift((0.98, 0.02), (0.98, 0.02)))  # logits of `used` are honest at its own share
    p = at.probabilities(used.logits)[:, 1]
    f1 = {
        t: 2 * ((p >= t) & used.truth).sum() / ((p >= t).sum() + used.truth.sum()) for t in np.linspace(0.02, 0.9, 80)
    }
    assert policy.thresholds is not None
    row = policy.thresholds.fitted.classes[0]
    reached = 2 * ((p >= row.threshold) & used.truth).sum() / ((p >= row.threshold).sum() + used.truth.sum())
    assert reached > max(f1.values()) - 0.02
    assert row.f1 == pytest.approx(reached, abs=0.06)


def test_beside_abstention_the_answers_that_are_given_are_those_of_the_thresholds():
    spec = DecisionSpec(
        thresholds=ThresholdSpec(rule=RecallFloor(floor=0.97)), abstain=AbstainSpec(max_error=0.05, sure=0.9)
    )
    policy, other = fit_policy(gate(1500), spec, COUNTS), gate(4000, seed=2)
    said = policy.apply(other.logits)
    assert policy.abstention is not None and policy.abstention.reached and policy.thresholds is not None
    assert np.array_equal(said.predicted, policy.thresholds.choose(said.probabilities))
    given = ~said.abstained
    assert 0 < said.abstained.mean() < 1
    assert (said.predicted != other.truth)[given].mean() <= 0.05


def test_of_several_views_it_is_their_mean_that_they_are_for():
    tables = {"plain": gate(800, sure=2.0), "turned": gate(800, sure=2.0)}
    noise = np.random.default_rng(3).normal(0, 1, (800, 2)).astype(np.float32)
    tables["turned"] = replace(tables["turned"], logits=tables["turned"].logits + noise)
    policy = fit_view_policy(tables, F1, COUNTS)
    mean = average_views(tables, policy)
    verdicts = policy.apply(mean.logits)
    assert policy.thresholds is not None
    row = policy.thresholds.fitted.classes[0]
    hits = ((verdicts.predicted == 1) & (mean.truth == 1)).sum()
    assert row.recall == pytest.approx(hits / (mean.truth == 1).sum(), abs=0.03)  # but for cross-fitting


def test_the_file_is_one_a_task_and_only_where_there_are_thresholds(tmp_path):
    policy, names = fit_policy(gate(), F1, COUNTS), LabelSpace(("other", "chart"))
    write_thresholds(tmp_path, {"": policy}, TaskLayout({"": names}))
    found = json.loads((tmp_path / "thresholds.json").read_text())
    assert found["below"] == "other" and found["classes"]["chart"]["positives"] == int(gate().truth.sum())
    assert found["rule"] == {"kind": "f_beta", "beta": 1.0} and found["samples"] == 400
    layout = TaskLayout({"kind of map": names, "b": names})
    write_thresholds(tmp_path, {"kind of map": policy, "b": Policy()}, layout)
    assert {path.name for path in tmp_path.iterdir()} == {"thresholds.json", "thresholds.kind_of_map.json"}


def test_a_floor_of_more_classes_holds_on_other_samples_about_as_asked():
    def said(samples, seed):
        rng = np.random.default_rng(seed)
        truth = rng.choice(4, samples, p=[0.4, 0.3, 0.2, 0.1])
        logits = 1.5 * np.eye(4)[truth] + rng.normal(0, 1, (samples, 4))
        return Predictions(
            tuple(map(str, range(samples))), truth, (2 * logits).astype(np.float32), LabelSpace(tuple("abcd"))
        )

    spec = DecisionSpec(thresholds=ThresholdSpec(rule=PrecisionFloor(floor=0.85)))
    policy, other = fit_policy(said(3000, 0), spec, np.array([40, 30, 20, 10])), said(20_000, 1)
    verdicts = policy.apply(other.logits)
    given = ~verdicts.abstained
    assert (verdicts.predicted == other.truth)[given].mean() == pytest.approx(0.85, abs=0.02)
    for place in range(4):
        given = ~verdicts.abstained & (verdicts.predicted == place)
        assert 0.78 < (other.truth == place)[given].mean() < 0.93
    assert (verdicts.predicted == other.truth).mean() < 0.8  # which is what answering all of them would reach


def test_a_rule_by_itself_is_the_same_as_its_mapping():
    assert ThresholdSpec.model_validate_json('{"rule": "f_beta"}') == ThresholdSpec(rule=FBeta())
    assert ThresholdSpec.model_validate_json('{"rule": {"beta": 2.0}}').rule == FBeta(beta=2.0)
    assert json.loads(ThresholdSpec.model_validate_json('{"rule": "f_beta"}').model_dump_json())["rule"] == {
        "kind": "f_beta",
        "beta": 1.0,
    }
