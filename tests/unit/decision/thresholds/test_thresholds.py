import json

import numpy as np
import pytest

from sfumato.decision.calibration import Temperature
from sfumato.decision.calibrators.calibrator import fit_calibrator
from sfumato.decision.thresholds.cuts import cuts_of
from sfumato.decision.thresholds.document import thresholds_document
from sfumato.decision.thresholds.fit import fit_thresholds
from sfumato.decision.thresholds.rules import EqualError, FBeta, LeastCost, PrecisionFloor, RecallFloor, Youden
from sfumato.decision.thresholds.thresholds import Thresholds
from sfumato.errors import InputError

RULES = [FBeta(), Youden(), EqualError(), PrecisionFloor(floor=0.8), RecallFloor(floor=0.9), LeastCost(miss=4.0)]
each = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)


def drawn(samples: int = 1000, seed: int = 0):
    """Calibrated probabilities of a common and a rare class, and of none, all and a coin."""
    rng = np.random.default_rng(seed)
    p = rng.beta([2, 0.2, 1, 1, 1], [3, 6, 4, 1, 2], (samples, 5))
    there = rng.random(p.shape) < p
    there[:, 2], there[:, 3], there[:, 4] = False, True, rng.random(samples) < 0.3
    return p, there


@each
def test_degenerate_classes_have_a_finite_threshold(rule):
    found = fit_thresholds(*drawn(), rule)
    assert np.isfinite(found.values).all() and found.values.min() >= 0 and found.values.max() <= 1
    if rule.kind == "least_cost":
        return
    assert [one.note for one in found.classes] == ["", "", "no positive", "no negative", "scores say nothing"]
    assert found.values[2:].tolist() == [found.shared] * 3
    for one in found.classes[:2]:
        assert one.low <= one.threshold <= one.high or one.high - one.low < 0.05
        assert 0 < one.high - one.low < 0.6
    assert found.classes[2].low is None and found.classes[2].own is None


@each
def test_it_is_deterministic_and_stored_whole(rule):
    for samples in (1000, 10, 0):
        p, there = drawn(samples)
        found = fit_thresholds(p, there, rule)
        assert found == fit_thresholds(p, there, rule)
        assert Thresholds.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)), "here") == found
        assert found.named(p).shape == p.shape


@each
@pytest.mark.parametrize("truth", [True, False])
def test_where_all_is_one_way_the_threshold_is_a_half(rule, truth):
    p, there = drawn(100)
    found = fit_thresholds(p, np.full(there.shape, truth), rule)
    assert found.values.tolist() == [0.2 if rule.kind == "least_cost" else 0.5] * 5


def test_too_few_samples_are_refused_and_said():
    found = fit_thresholds(*drawn(19), FBeta())
    assert found.samples == 0
    assert {one.note for one in found.classes} == {"too few samples"}
    assert found.values.tolist() == [0.5] * 5


def test_a_class_is_shrunk_by_its_samples():
    p, there = drawn()
    found = fit_thresholds(p, there, FBeta())
    for one in found.classes[:2]:
        assert one.threshold == pytest.approx((one.positives * one.own + 10 * found.shared) / (one.positives + 10))
    free = fit_thresholds(p, there, FBeta(), shrinkage=0)
    assert [one.threshold for one in free.classes[:2]] == [one.own for one in found.classes[:2]]
    cuts = cuts_of(p.ravel(), there.ravel())
    assert found.shared == cuts.thresholds[FBeta().best(cuts)]


def test_shrinkage_helps_a_rare_class_on_new_samples():
    """The point of it: mean F1 on new samples of classes with about five positives."""
    rng = np.random.default_rng(0)
    p, new = rng.beta(0.2, 6, (150, 60)), rng.beta(0.2, 6, (20_000, 60))
    there, there_new = rng.random(p.shape) < p, rng.random(new.shape) < new

    def score(shrinkage: float) -> float:
        said = fit_thresholds(p, there, FBeta(), shrinkage).named(new)
        return float((2 * (said & there_new).sum(axis=0) / (said.sum(axis=0) + there_new.sum(axis=0))).mean())

    assert score(10.0) > score(0.0) + 0.01


def test_the_stability_range_covers_the_threshold_of_all_samples():
    """Youden's threshold of a calibrated class is its share; its range from 400 samples holds it mostly."""
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p = rng.beta(2, 3, (400, 1))
        one = fit_thresholds(p, rng.random(p.shape) < p, Youden(), shrinkage=0).classes[0]
        held += one.low <= 0.4 <= one.high
    assert held >= 34


def test_costs_need_no_samples():
    found = fit_thresholds(np.zeros((0, 2)), np.zeros((0, 2), dtype=bool), LeastCost(false_alarm=1.0, miss=9.0))
    assert found.values == pytest.approx([0.1, 0.1])
    assert found.classes[0].note == "from costs"


def test_figures_are_those_at_the_threshold():
    p, there = drawn()
    one, named = fit_thresholds(p, there, FBeta()).classes[0], p[:, 0] >= fit_thresholds(p, there, FBeta()).values[0]
    assert one.precision == there[named, 0].mean()
    assert one.recall == named[there[:, 0]].mean()
    assert one.f1 == pytest.approx(2 * one.precision * one.recall / (one.precision + one.recall))


def test_the_document_has_a_row_a_class_with_its_temperature():
    p, there = drawn()
    logits = np.log(p / (1 - p))
    names = ["cloud_map", "precipitation", "pressure", "wind", "fog"]
    found = fit_thresholds(p, there, FBeta())
    calibrator = fit_calibrator("class_temperature", logits, there)
    document = thresholds_document(found, names, calibrator)
    assert json.loads(json.dumps(document)) == document
    assert list(document["classes"]) == names
    assert document["rule"] == {"kind": "f_beta", "beta": 1.0}
    assert document["calibration"] == {"kind": "class_temperature", "fitted": True}
    row = document["classes"]["cloud_map"]
    assert row["threshold"] == found.values[0] and row["temperature"] == calibrator.values[0]
    assert {"low", "high", "positives", "precision", "recall", "f1", "own", "note"} <= row.keys()
    assert thresholds_document(found, names, Temperature(2.0, 40))["classes"]["fog"]["temperature"] == 2.0
    assert thresholds_document(found, names)["classes"]["fog"]["temperature"] == 1.0
    assert (
        thresholds_document(found, names, fit_calibrator("platt", logits, there))["classes"]["fog"]["temperature"]
        is None
    )


def test_a_damaged_document_is_refused():
    document = fit_thresholds(*drawn(), FBeta()).to_dict()
    with pytest.raises(InputError, match="here: not thresholds: rule "):
        Thresholds.from_dict({**document, "rule": {"kind": "magic"}}, "here")
    with pytest.raises(InputError, match=r"shared should be less than or equal to 1"):
        Thresholds.from_dict({**document, "shared": 1.5}, "here")
