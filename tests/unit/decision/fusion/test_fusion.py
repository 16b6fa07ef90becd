"""Fusion and its fitting; the oracles are those of the methods page: simplex, identity, never fitted on what it scores."""

import json

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.linear_model import LogisticRegression
from tests.unit.decision.fusion.spoken import independent

from sfumato.decision.calibration import Temperature
from sfumato.decision.fusion.fitting import equal_weights, fit_fusion
from sfumato.decision.fusion.fusion import Fusion, log_probabilities
from sfumato.decision.fusion.simplex import STEPS, best_weights
from sfumato.decision.fusion.stacking import FORMS, Form, fit_form
from sfumato.decision.logit_adjustment import LogitAdjustment
from sfumato.decision.policy import Policy
from sfumato.errors import InputError

KINDS = ("average", "weighted", "stacked", "mlp")


@pytest.mark.parametrize("kind", ["average", "weighted"])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_identical_members_are_what_each_of_them_is(kind, count):
    log_p, truth = independent([1.5])
    same = [log_p[0]] * count
    fusion = fit_fusion(kind, same, truth)
    assert np.allclose(special.softmax(fusion.fuse(same), axis=1), np.exp(log_p[0]), atol=1e-6)
    assert np.ptp(fusion.weights) <= 1 / STEPS + 1e-9  # as alike as the grid allows


def test_identical_members_are_stacked_to_the_same_answers():
    log_p, truth = independent([1.5], 2000)
    fusion = fit_fusion("stacked", [log_p[0]] * 3, truth)
    fused = fusion.fuse([log_p[0]] * 3)
    assert (fused.argmax(1) == log_p[0].argmax(1)).mean() > 0.98
    assert np.sum(fusion.weights, axis=0) == pytest.approx(1, abs=0.1)  # they are calibrated: nothing to sharpen


@pytest.mark.parametrize("strengths", [[1, 2], [2, 1, 0.2], [1, 1, 1, 1.5], [1, 0.5, 1, 2, 0.7]])
def test_weights_stand_on_the_simplex_and_their_grid(strengths):
    log_p, truth = independent(strengths)
    weights = np.array(fit_fusion("weighted", list(log_p), truth, "shared").weights).ravel()
    assert (weights >= 0).all() and weights.sum() == pytest.approx(1)
    assert np.allclose(weights * STEPS, np.rint(weights * STEPS))


@pytest.mark.parametrize("strengths", [[1, 1.2], [1, 1.2, 0.8], [1, 0.9, 0.7, 1.2, 0.3, 1]])
def test_the_grid_is_within_a_step_of_the_continuous_minimum(strengths):
    log_p, truth = independent(strengths, 3000)
    true = np.exp(log_p[:, np.arange(len(truth)), truth].astype(np.float64))

    def loss(free):
        return -np.log(special.softmax(free) @ true).mean()

    best = optimize.minimize(loss, np.zeros(len(true)))
    found = best_weights(true)
    assert np.abs(found - special.softmax(best.x)).max() < 1.5 / STEPS
    assert -np.log(found @ true).mean() < best.fun + 1e-3


def test_walking_the_grid_ends_where_searching_it_does(monkeypatch):
    log_p, truth = independent([1, 1.3, 0.6, 1])
    true = np.exp(log_p[:, np.arange(len(truth)), truth].astype(np.float64))
    searched = best_weights(true)
    monkeypatch.setattr("sfumato.decision.fusion.simplex._MOST_POINTS", 0)
    assert np.array_equal(best_weights(true), searched)


def test_a_member_that_knows_nothing_gets_nothing():
    log_p, truth = independent([2, 0.01], 5000)
    assert fit_fusion("weighted", list(log_p), truth, "shared").weights[0][0] >= 0.95


def test_of_two_classes_stacking_is_logistic_regression():
    """One member, hardly any penalty: the log-odds are a regression on the log-odds, as scikit-learn fits it."""
    log_p, truth = independent([1.2], 800, 2)
    fusion = fit_form(log_p.astype(np.float64), truth, Form(by_class=False, penalty=1e-9))
    odds = (log_p[0, :, 1] - log_p[0, :, 0])[:, None]
    reference = LogisticRegression(C=1e12, tol=1e-10).fit(odds, truth)
    assert fusion.weights[0][0] == pytest.approx(reference.coef_[0, 0], rel=1e-3)
    assert fusion.bias[1] - fusion.bias[0] == pytest.approx(reference.intercept_[0], abs=1e-3)


@pytest.mark.parametrize("by_class", [False, True])
def test_stacking_ends_where_a_general_minimiser_does(by_class):
    """Against the loss written anew, its slope by finite differences."""
    log_p, truth = independent([1, 1.5], 300)
    x, penalty = log_p.astype(np.float64), 3.0
    width = 3 if by_class else 1

    def loss(at):
        weights, bias = at[:-3].reshape(2, width), at[-3:]
        z = np.einsum("mnc,mc->nc", x, np.broadcast_to(weights, (2, 3))) + bias
        off = np.concatenate([at[:-3] - 0.5, bias])
        return -special.log_softmax(z, axis=1)[np.arange(300), truth].sum() + penalty * off @ off

    best = optimize.minimize(loss, np.zeros(2 * width + 3), tol=1e-9).x
    found = fit_form(x, truth, Form(by_class, penalty))
    assert np.concatenate([np.ravel(found.weights), found.bias]) == pytest.approx(best, abs=2e-3)


def test_single_precision_fits_what_double_does():
    log_p, truth = independent([1, 1.5, 0.7], 5000, 20)
    one, two = (fit_form(log_p.astype(kind), truth, FORMS[0]) for kind in (np.float32, np.float64))
    assert np.ravel(one.weights) == pytest.approx(np.ravel(two.weights), abs=5e-3)


def test_stacking_undoes_what_a_member_gets_wrong_throughout():
    """A member that is three times too sure and prefers a class: averaging suffers from it, stacking mends it."""
    log_p, truth = independent([1.5, 1.5], 3000)
    log_p[1] = special.log_softmax(3 * log_p[1] + np.array([4, 0, 0]), axis=1)
    fitted, test = slice(0, 1500), slice(1500, None)

    def right(kind):
        fusion = fit_fusion(kind, list(log_p[:, fitted]), truth[fitted])
        return (fusion.fuse(list(log_p[:, test])).argmax(axis=1) == truth[test]).mean()

    assert right("stacked") > right("average") + 0.03
    assert right("weighted") >= right("average")


def test_few_samples_pull_stacking_to_the_equal_geometric_mean():
    log_p, truth = independent([1, 1], 20)
    found = fit_form(log_p, truth, Form(by_class=True, penalty=1e9))
    assert np.ravel(found.weights) == pytest.approx(0.5, abs=1e-3)
    assert found.bias == pytest.approx([0, 0, 0], abs=1e-3)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_members_may_come_one_by_one(kind, several):
    log_p, truth = independent([1, 2])
    fusion = fit_fusion(kind, list(log_p), truth[:, None] == np.arange(3) if several else truth)
    total = fusion.share(0, log_p[0]) + fusion.share(1, log_p[1])
    hidden = fusion.hidden_share(0, log_p[0]) + fusion.hidden_share(1, log_p[1])
    assert total.dtype == hidden.dtype == np.float32
    assert hidden.shape == (len(truth), fusion.units) and (fusion.units > 0) == (kind == "mlp")
    assert np.array_equal(fusion.finish(total, hidden), fusion.fuse(list(log_p)))


def test_log_probabilities_are_those_of_the_policy():
    logits = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32) * 4
    policy = Policy(Temperature(2.5, 40), None, LogitAdjustment(1.0, (0.6, 0.3, 0.1), None))
    assert np.allclose(np.exp(log_probabilities(logits, policy)), policy.apply(logits).probabilities, atol=1e-6)
    far = log_probabilities(np.array([[0.0, 1e6]], dtype=np.float32), Policy())
    assert np.isfinite(far).all()
    assert np.isfinite(equal_weights(2).fuse([far, far])).all()


@pytest.mark.parametrize("sharing", ["shared", "by_class"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fusion_is_read_back(kind, sharing):
    """Through JSON, and the same fusion: it says the same to the last bit."""
    log_p, truth = independent([1, 2])
    fusion = fit_fusion(kind, list(log_p), truth, sharing)
    back = Fusion.from_dict(json.loads(json.dumps(fusion.to_dict(), allow_nan=False)), 2, 3, "fusion.json")
    assert back == fusion
    assert np.array_equal(back.fuse(list(log_p)), fusion.fuse(list(log_p)))
    assert ("hidden" in fusion.to_dict()) == (kind == "mlp")  # older programs read all that they can make


LAYER = {"inputs": [[[1.0]] * 3] * 2, "bias": [0.0], "outputs": [[1.0] * 3], "penalty": 1.0}
STACKED = {"kind": "mlp", "weights": [[1.0], [1.0]], "bias": [0.0, 0.0, 0.0]}


def test_a_layer_by_hand():
    """Two members of three classes, one unit: tanh of the sum of all that is said."""
    fusion = Fusion.from_dict({**equal_weights(2).to_dict(), **STACKED, "hidden": LAYER}, 2, 3, "here")
    said = [np.array([[0.1, 0.2, 0.3]], np.float32), np.array([[0.0, -0.5, 0.1]], np.float32)]
    assert fusion.fuse(said) == pytest.approx(said[0] + said[1] + np.tanh(0.2), abs=1e-6)
    assert fusion.finish(said[0] + said[1]) == pytest.approx(said[0] + said[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [[0.5], [0.6]]}, "expected a sum of 1"),
        ({"weights": [[-0.5], [1.5]]}, "expected a sum of 1"),
        ({"weights": [[0.5, 0.5], [0.5, 0.5]]}, "of another length"),
        ({"weights": [[1.0]]}, "1 weights; expected 2, one a member"),
        ({"weights": [[], []]}, "of another length"),
        ({"bias": [0.0]}, "of another length"),
        ({"kind": "stacked"}, "of another length"),
        ({"kind": "voted"}, "not a fusion: kind"),
        ({"samples": -1}, "not a fusion: samples"),
        ({"kind": "weighted", "weights": [[0.5, 1, 0], [0.5, 0, 0.9]]}, "expected a sum of 1"),
        ({"kind": "weighted", "weights": [[0.5, 1], [0.5, 0]]}, "of another length"),
        ({"kind": "mlp", "weights": [[1.0], [1.0]], "bias": [0.0, 0.0, 0.0]}, "a hidden layer of another shape"),
        ({"hidden": LAYER}, "a hidden layer of another shape"),
        ({**STACKED, "hidden": {**LAYER, "bias": [0.0, 0.0]}}, "a hidden layer of another shape"),
        ({**STACKED, "hidden": {**LAYER, "inputs": LAYER["inputs"][:1]}}, "a hidden layer of another shape"),
        ({**STACKED, "hidden": {**LAYER, "outputs": [[1.0, 1.0]]}}, "a hidden layer of another shape"),
        ({**STACKED, "hidden": {**LAYER, "outputs": [["1", "1", "1"]]}}, "not a fusion: hidden.outputs.0.0 should be"),
    ],
)
def test_what_is_no_fusion_is_refused_in_one_line(change, message):
    document = {**equal_weights(2).to_dict(), **change}
    with pytest.raises(InputError, match=message) as caught:
        Fusion.from_dict(document, 2, 3, "x/fusion.json")
    assert str(caught.value).startswith("x/fusion.json: ")
    assert "\n" not in str(caught.value)
