"""The hidden layer: right slopes, scikit-learn's loss, a gain where members must be heard together and none elsewhere."""

import numpy as np
import pytest
from scipy import optimize
from sklearn.neural_network import MLPClassifier
from tests.unit.decision.fusion.spoken import exclusive_or, independent, loss, specialists

from sfumato.decision.dealing import deal
from sfumato.decision.fusion.fitting import fit_fusion, refuse_idle_sharing, refuse_too_few
from sfumato.decision.fusion.hidden_fit import LEAST_SAMPLES, PENALTIES, UNITS, _Problem, fit_hidden
from sfumato.decision.fusion.stacking import FORMS, fit_form
from sfumato.errors import InputError


def cross_fitted(kind, said, truth):
    """(N, C) fused scores, each sample by a fusion of the other folds."""
    fused, fold = np.zeros(said.shape[1:]), deal(truth, None, 5)
    for held in range(5):
        fusion = fit_fusion(kind, list(said[:, fold != held]), truth[fold != held])
        fused[fold == held] = fusion.fuse(list(said[:, fold == held]))
    return fused


@pytest.mark.parametrize("several", [False, True])
def test_its_slope_is_that_of_finite_differences(several):
    rng = np.random.default_rng(0)
    truth = rng.random((40, 3)) < 0.4 if several else rng.integers(0, 3, 40)
    inputs, known = (rng.normal(size=(40, width)).astype(np.float32) for width in (6, 3))
    problem = _Problem(inputs, known, truth, 0.7)
    at = problem.start(0) + rng.normal(size=problem.start(0).size) * 0.3
    slope, places = problem.loss(at)[1], rng.choice(at.size, 25, replace=False)
    for place in places:
        step = np.zeros_like(at)
        step[place] = 1e-2
        rise = (problem.loss(at + step)[0] - problem.loss(at - step)[0]) / 2e-2
        assert slope[place] == pytest.approx(rise, abs=2e-4)


def test_its_loss_is_that_of_scikit_learns_perceptron():
    """Of the weights it found; what its output adds to each class stands where the regression's scores do."""
    rng = np.random.default_rng(0)
    inputs, truth = rng.normal(size=(200, 5)).astype(np.float32), rng.integers(0, 3, 200)
    theirs = MLPClassifier((UNITS,), activation="tanh", solver="lbfgs", alpha=2.0, max_iter=500, random_state=0)
    theirs.fit(inputs, truth)
    (first, outputs), (bias, constants) = theirs.coefs_, theirs.intercepts_
    problem = _Problem(inputs, np.tile(constants, (200, 1)).astype(np.float32), truth, 1.0)
    at = np.concatenate([first.ravel(), bias, outputs.ravel()])
    assert problem.loss(at)[0] == pytest.approx(theirs.loss_, rel=1e-4)
    found = optimize.minimize(problem.loss, problem.start(0), jac=True, method="L-BFGS-B").fun
    assert found == pytest.approx(theirs.loss_, rel=0.02)  # another minimum, about as low


@pytest.mark.parametrize("samples", [400, 1000])
def test_it_hears_members_together(samples):
    """Neither knows anything alone: the regression is a coin, the layer finds the rule. On samples it did not see."""
    said, truth = exclusive_or(samples)
    layered, stacked = (cross_fitted(kind, said, truth) for kind in ("mlp", "stacked"))
    gain = loss(stacked, truth) - loss(layered, truth)
    assert gain.mean() > 5 * gain.std() / samples**0.5
    assert (layered.argmax(axis=1) == truth).mean() > 0.8
    assert (stacked.argmax(axis=1) == truth).mean() < 0.6


def test_of_labels_too():
    said, truth = exclusive_or(600)
    odds = said[:, :, 1:] - said[:, :, :1]
    there = np.stack([truth == 1, truth == 0], axis=1)
    both = np.concatenate([odds, odds], axis=2)
    fusion = fit_fusion("mlp", list(both[:, :400]), there[:400])
    assert ((fusion.fuse(list(both[:, 400:])) > 0) == there[400:]).mean() > 0.8


@pytest.mark.parametrize(("samples", "classes", "most"), [(200, 3, 0.02), (1000, 3, 0.001), (2000, 10, 0.001)])
def test_where_the_regression_says_all_it_adds_next_to_nothing(samples, classes, most):
    """Each member answers for itself: whatever a layer adds is overfitted, and inner folds keep it small."""
    said, truth = independent([1, 1.5, 0.7], samples, classes)
    worse = loss(cross_fitted("mlp", said, truth), truth) - loss(cross_fitted("stacked", said, truth), truth)
    assert worse.mean() < most


@pytest.mark.parametrize("several", [False, True])
def test_a_penalty_without_end_leaves_the_regression(several):
    said, truth = specialists(300) if several else exclusive_or(300)
    stacked = fit_form(said, truth, FORMS[0])
    layered = fit_hidden(said, truth, stacked, 1e6)
    assert layered.fuse(list(said)) == pytest.approx(stacked.fuse(list(said)), abs=1e-4)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_on_its_own_samples_it_is_never_worse(penalty):
    said, truth = independent([1, 0.6], 300)
    stacked = fit_form(said, truth, FORMS[0])
    layered = fit_hidden(said, truth, stacked, penalty)
    assert loss(layered.fuse(list(said)), truth).mean() <= loss(stacked.fuse(list(said)), truth).mean() + 1e-5


def test_identical_members_say_what_each_of_them_does():
    said, truth = independent([1.5], 2000)
    fused = fit_fusion("mlp", [said[0]] * 3, truth).fuse([said[0]] * 3)
    assert (fused.argmax(axis=1) == said[0].argmax(axis=1)).mean() > 0.98
    assert loss(fused, truth).mean() == pytest.approx(loss(said[0], truth).mean(), abs=0.01)


def test_the_same_samples_give_the_same_layer():
    said, truth = exclusive_or(300)
    one, two = (fit_fusion("mlp", list(said), truth) for _ in range(2))
    assert one == two


def test_what_never_varies_and_what_lies_far_off_stay_finite():
    """A class that all members rule out, and later a sample like none before."""
    said, truth = independent([1, 1], 300)
    said = np.concatenate([said, np.full((2, 300, 1), -69.0, np.float32)], axis=2)
    fusion = fit_fusion("mlp", list(said), truth)
    far = fusion.fuse([np.array([[0.0, -69.0, -69.0, 0.0], [-69.0, 0, -69.0, -69.0]], np.float32)] * 2)
    assert np.isfinite(far).all()
    assert np.abs(far).max() < 1e3


@pytest.mark.parametrize(
    ("kind", "samples", "classes", "message"),
    [
        ("mlp", LEAST_SAMPLES - 1, 3, "199 samples of known class; expected 200 to fit mlp on, or --kind stacked"),
        ("mlp", 19, 3, "19 samples of known class; expected 200 to fit mlp on, or --kind average"),
        ("stacked", 19, 3, "19 samples of known class; expected 20 to fit stacked on, or --kind average"),
        ("mlp", 10**6, 1000, "2 members of 1000 classes; expected at most 1500 in all for mlp, or --kind stacked"),
    ],
)
def test_too_few_samples_and_too_many_classes_are_refused(kind, samples, classes, message):
    with pytest.raises(InputError) as caught:
        refuse_too_few(kind, samples, 2, classes, "val.parquet")
    assert str(caught.value) == f"val.parquet: {message}"


def test_just_enough_are_not_refused():
    refuse_too_few("mlp", LEAST_SAMPLES, 2, 750, "here")
    refuse_too_few("weighted", 20, 2, 9000, "here")
    refuse_too_few("average", 0, 2, 9000, "here")


@pytest.mark.parametrize(
    ("kind", "sharing", "classes", "message"),
    [
        ("average", "shared", 3, "no effect with --kind average; expected --kind weighted or stacked"),
        ("mlp", "by_class", 3, "no effect with --kind mlp; expected --kind weighted or stacked"),
        ("weighted", "by_class", 2, "no effect on two classes, which are told apart by one probability; expected auto"),
    ],
)
def test_a_sharing_without_effect_is_refused(kind, sharing, classes, message):
    with pytest.raises(InputError) as caught:
        refuse_idle_sharing(kind, sharing, classes)
    assert str(caught.value).startswith(f"--weights: {message}")
