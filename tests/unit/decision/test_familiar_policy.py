"""Policies that withhold by familiarity: against counts by hand, stored and read, of views, and where it is missing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sfumato.decision.abstention import AbstainSpec
from sfumato.decision.averaging import averaged_familiarity
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.doubt.familiar import FamiliarSpec
from sfumato.decision.doubt.reference import fit_reference, references_from_arrays, references_to_arrays
from sfumato.decision.policy import Policy
from sfumato.decision.policy_fit import fit_policy
from sfumato.decision.view_policy import average_views, fit_view_policy
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.predictions import Predictions

COUNTS = np.array([100, 100])
REFUSED = FamiliarSpec(by="knn", refused=0.1)


def table(samples=200, seed=0) -> Predictions:
    """Right four times in five; what is wrong is no stranger, and what is strange no less sure."""
    rng = np.random.default_rng(seed)
    truth, near = rng.integers(0, 2, samples), -rng.exponential(1, samples).astype(np.float32)
    logits = (2 * np.eye(2)[truth] + rng.normal(0, 1.2, (samples, 2))).astype(np.float32)
    return Predictions(tuple(map(str, range(samples))), truth, logits, LabelSpace(("a", "b")), familiarity=near)


def again(policy: Policy) -> Policy:
    return Policy.from_dict(json.loads(json.dumps(policy.to_dict())), "policy.json")


@pytest.mark.parametrize("by", ["mahalanobis", "knn"])
def test_abstention_by_familiarity_answers_the_most_familiar(by):
    said = table()
    policy = fit_policy(said, DecisionSpec(abstain=AbstainSpec(coverage=0.8, by=by)), COUNTS)
    least = np.sort(said.familiarity)[-160]
    assert again(policy) == policy and policy.measure == policy.by == by
    other = table(seed=1)
    withheld = policy.apply(other.logits, other.familiarity).abstained
    assert np.array_equal(withheld, other.familiarity < least)
    sure = policy.sureness(other.logits, policy.apply(other.logits, other.familiarity), other.familiarity)
    assert np.array_equal(np.argsort(sure), np.argsort(other.familiarity))
    assert sure.min() > 0 and sure.max() <= 1


def test_an_error_is_bounded_by_familiarity_where_the_strange_are_wrong():
    said = table()
    wrong = said.logits.argmax(axis=1) != said.truth
    said = replace(said, familiarity=np.where(wrong, -20 + said.familiarity, said.familiarity).astype(np.float32))
    policy = fit_policy(said, DecisionSpec(abstain=AbstainSpec(max_error=0.001, by="mahalanobis")), COUNTS)
    assert np.array_equal(policy.apply(said.logits, said.familiarity).abstained, wrong)


@pytest.mark.parametrize("abstain", [None, AbstainSpec(coverage=0.7), AbstainSpec(max_error=0.1, sure=0.9)])
def test_strange_ones_are_withheld_beside_unsure_ones(abstain):
    said = table()
    policy = fit_policy(said, DecisionSpec(abstain=abstain, familiar=REFUSED), COUNTS)
    assert again(policy) == policy and policy.measure == "knn" and policy.by == "confidence"
    familiar = said.familiarity >= np.sort(said.familiarity)[19]  # floor(201 / 10) - 1 of 200 are below
    verdicts = policy.apply(said.logits, said.familiarity)
    sure = np.full(200, True) if abstain is None else ~policy.abstention.withheld(verdicts.confidence)
    assert np.array_equal(verdicts.abstained, ~(familiar & sure))
    if abstain is not None:  # fitted on the answers that are left
        assert policy.abstention.coverage == pytest.approx(sure[familiar].mean())


def test_what_is_no_number_is_refused():
    said = table()
    policy = fit_policy(said, DecisionSpec(familiar=REFUSED), COUNTS)
    with pytest.raises(InputError, match="^sample 0: familiarity of nan; expected finite numbers"):
        policy.apply(said.logits[:1], np.array([np.nan], np.float32))


@pytest.mark.parametrize(
    "spec", [DecisionSpec(familiar=REFUSED), DecisionSpec(abstain=AbstainSpec(coverage=0.8, by="knn"))]
)
def test_without_familiarity_nothing_is_decided(spec):
    said = table()
    policy = fit_policy(said, spec, COUNTS)
    with pytest.raises(InputError, match="no familiarity was measured"):
        policy.apply(said.logits)
    with pytest.raises(InputError, match="no familiarity was measured"):
        fit_policy(replace(said, familiarity=None), spec, COUNTS)


def test_a_usual_policy_reads_none():
    said = table()
    policy = fit_policy(said, DecisionSpec(abstain=AbstainSpec(coverage=0.8)), COUNTS)
    assert policy.measure is None and "familiar" not in policy.to_dict()
    assert np.array_equal(policy.apply(said.logits).abstained, policy.apply(said.logits, said.familiarity).abstained)


def test_of_views_the_mean_counts():
    one, two = table(), replace(table(seed=5), truth=table().truth)
    said = {"plain": one, "turned": two}
    mean = average_views(said, fit_view_policy(said, DecisionSpec(familiar=REFUSED), COUNTS))
    assert mean.familiarity == pytest.approx((one.familiarity + two.familiarity) / 2, rel=1e-6)
    policy = fit_view_policy(said, DecisionSpec(familiar=REFUSED), COUNTS)
    assert policy.familiar.threshold == np.sort(mean.familiarity)[19]
    assert averaged_familiarity([one.familiarity, None]) is None
    assert averaged_familiarity([one.familiarity]) is one.familiarity


def test_references_of_several_networks_and_tasks_are_read_back():
    rng = np.random.default_rng(0)
    x, truth = rng.normal(size=(60, 5)), rng.integers(0, 3, 60)
    by = {"shape": "knn", "colour.of": "mahalanobis"}
    networks = [{task: fit_reference(measure, x + place, truth) for task, measure in by.items()} for place in range(2)]
    arrays = references_to_arrays(networks)
    assert {"0.bank.shape", "1.bank.shape", "0.means.colour.of"} <= arrays.keys()
    for found, expected in zip(references_from_arrays(arrays, by, 2, 5, "here"), networks, strict=True):
        for task in by:
            assert np.array_equal(found[task].familiarity(x), expected[task].familiarity(x))
    with pytest.raises(InputError, match=r"here: damaged: 2\.bank\.shape is missing"):
        references_from_arrays(arrays, by, 3, 5, "here")
    with pytest.raises(InputError, match=r"damaged: 1\..* is of no network or task"):
        references_from_arrays(arrays, by, 1, 5, "here")
    with pytest.raises(InputError, match="here: damaged: 5 features; expected 6, as the network has"):
        references_from_arrays(arrays, by, 2, 6, "here")
