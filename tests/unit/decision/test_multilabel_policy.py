"""The policy of samples of any number of classes: fitted, stored, averaged, and its promise kept."""

import json

import numpy as np
import pytest

from sfumato.decision.averaging import averaged
from sfumato.decision.calibrators.class_temperature import ClassTemperature
from sfumato.decision.calibrators.one_vs_rest import sigmoid
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.multilabel_fit import fit_label_calibrator, fit_multilabel
from sfumato.decision.multilabel_policy import MultilabelPolicy, mean_logits
from sfumato.decision.policies import policies_from_dict, policies_to_dict
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.metrics.multilabel_results import missed_shares
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.tasks import TaskLayout

SPACE = LabelSpace(("a", "b", "c", "d"))
LAYOUT = TaskLayout({"": SPACE}, multilabel=True)


def drawn(samples: int, seed: int, scale: float = 1.0) -> MultilabelPredictions:
    """Honest logits times `scale`."""
    rng = np.random.default_rng(seed)
    z = rng.normal([-1.0, 0.0, 1.0, -2.0], 2.0, (samples, 4))
    there = rng.random(z.shape) < sigmoid(z)
    return MultilabelPredictions(
        tuple(map(str, range(samples))), there.astype(np.int8), (scale * z).astype(np.float32), SPACE
    )


@pytest.mark.parametrize("kind", ["temperature", "class_temperature", "platt", "beta", "isotonic"])
def test_a_known_temperature_is_found(kind):
    policy = fit_multilabel((drawn(4000, 0, 3.0),), DecisionSpec(calibration=kind), 4)
    z = np.linspace(-2, 2, 9)[:, None].repeat(4, axis=1)
    assert policy.calibrated((3 * z).astype(np.float32)) == pytest.approx(
        sigmoid(z), abs=0.1 if kind == "isotonic" else 0.05
    )


@pytest.mark.parametrize("kind", ["temperature", "class_temperature", "platt", "beta", "isotonic", "none"])
def test_it_is_read_back_as_it_was_written(kind):
    policy = fit_multilabel((drawn(300, 1),), DecisionSpec(calibration=kind, misses=0.1), 4)
    again = policies_from_dict(json.loads(json.dumps(policies_to_dict({"": policy}))), LAYOUT, "here")[""]
    assert isinstance(again, MultilabelPolicy)
    assert again == policy
    logits = drawn(50, 2).logits
    assert np.array_equal(again.apply(logits).named, policy.apply(logits).named)


def test_one_for_other_classes_or_of_one_class_a_sample_is_refused():
    document = fit_multilabel((drawn(300, 1),), DecisionSpec(), 4).to_dict()
    with pytest.raises(InputError, match="4 thresholds; expected 2, one a class"):
        policies_from_dict(document, TaskLayout({"": LabelSpace(("a", "b"))}, multilabel=True), "here")
    with pytest.raises(InputError, match="here: not a policy"):
        policies_from_dict(document, TaskLayout({"": SPACE}), "here")


def test_no_more_is_missed_than_promised_on_average_over_calibrations():
    missed = []
    for seed in range(60):
        policy = fit_multilabel((drawn(120, 100 + seed),), DecisionSpec(misses=0.1, calibration="temperature"), 4)
        fresh = drawn(400, 5000 + seed)
        sets = policy.apply(fresh.logits).sets
        assert sets is not None
        missed.append(missed_shares(sets, fresh.there).mean())
    assert np.mean(missed) <= 0.1 + 3 * np.std(missed) / np.sqrt(len(missed))
    assert np.mean(missed) > 0.07  # it is not had by naming everything


def test_nothing_is_fitted_without_samples_and_every_class_needs_a_half():
    policy = fit_multilabel((), DecisionSpec(), 4)
    assert not policy.calibrator.fitted
    assert policy.thresholds.values.tolist() == [0.5] * 4
    assert policy.apply(np.array([[3.0, -3.0, 0.1, -0.1]], dtype=np.float32)).named.tolist() == [
        [True, False, True, False]
    ]


def test_samples_of_which_nothing_is_known_fit_nothing():
    table = drawn(200, 4)
    truth = table.truth.copy()
    truth[::2] = -1
    truth[1, 1] = -1
    half = MultilabelPredictions(table.ids, truth, table.logits, SPACE)
    assert len(half.known()) == 100
    assert fit_multilabel((half,), DecisionSpec(), 4) == fit_multilabel((half.known(),), DecisionSpec(), 4)


def test_views_and_networks_are_averaged_as_probabilities():
    z = np.random.default_rng(0).normal(0, 6, (3, 20, 4)).astype(np.float32)
    assert sigmoid(mean_logits(z).astype(np.float64)) == pytest.approx(
        sigmoid(z.astype(np.float64)).mean(axis=0), abs=1e-6
    )
    policy = fit_multilabel((), DecisionSpec(), 4)
    assert np.array_equal(averaged(z, policy), mean_logits(z))
    assert mean_logits(z[:1]) == pytest.approx(z[0], abs=1e-5)
    assert np.isfinite(mean_logits(np.array([[[900.0]], [[-900.0]]], dtype=np.float32))).all()


def test_networks_are_averaged_as_the_probabilities_at_one_temperature_for_all_classes():
    """A temperature that all classes share calibrates each network; the policy then answers with their mean."""
    tables = tuple(drawn(500, seed, 3.0) for seed in range(2))
    policy = fit_multilabel(tables[:1], DecisionSpec(calibration="temperature"), 4)
    assert policy.pool_at.value == pytest.approx(policy.calibrator.values[0]) == pytest.approx(3, rel=0.15)
    z = np.stack([table.logits for table in tables])
    mean = np.mean([policy.calibrated(one) for one in z], axis=0)
    assert policy.calibrated(averaged(z, policy)) == pytest.approx(mean, abs=1e-6)
    assert averaged(np.stack([z[0]] * 3), policy) == pytest.approx(z[0], abs=1e-4)
    assert fit_multilabel(tables[:1], DecisionSpec(calibration="none"), 4).pool_at.value == 1


def test_policies_from_before_there_was_a_temperature_of_averages_are_read():
    document = fit_multilabel((drawn(300, 1),), DecisionSpec(), 4).to_dict()
    del document["pooling"]
    assert MultilabelPolicy.from_dict(document, "here").pool_at.value == 1


def test_temperature_is_one_number_for_all_classes():
    table = drawn(500, 6, 2.0)
    found = fit_label_calibrator("temperature", table.logits, table.there)
    assert isinstance(found, ClassTemperature)
    assert found.values == pytest.approx([found.values[0]] * 4)
    assert found.values[0] == pytest.approx(2, rel=0.15)
