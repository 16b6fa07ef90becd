"""Sureness and familiarity, each against a closed form or a named library."""

import json

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import entropy
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from sfumato.decision.doubt.direction import unit
from sfumato.decision.doubt.drawn import MOST, drawn
from sfumato.decision.doubt.familiar import Familiar, FamiliarSpec, fit_familiar
from sfumato.decision.doubt.knn import Knn, fit_knn
from sfumato.decision.doubt.mahalanobis import Mahalanobis, fit_mahalanobis
from sfumato.decision.doubt.sureness import certainty, confidence, energy, margin
from sfumato.errors import InputError

KNN = FamiliarSpec(by="knn")
P = np.random.default_rng(0).dirichlet(np.ones(5), 200)


def test_sureness_by_hand_and_by_scipy():
    p = np.array([[0.6, 0.3, 0.1], [1.0, 0.0, 0.0], [1 / 3] * 3])
    assert confidence(p) == pytest.approx([0.6, 1, 1 / 3])
    assert margin(p) == pytest.approx([0.3, 1, 0])
    assert certainty(p)[1:] == pytest.approx([1, 0])
    assert certainty(P) == pytest.approx(1 - entropy(P, axis=1) / np.log(5))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 10.0])
def test_energy_is_scipys_and_finite(temperature):
    z = np.random.default_rng(0).normal(0, 5, (50, 4))
    assert energy(z, temperature) == pytest.approx(temperature * logsumexp(z / temperature, axis=1))
    assert np.isfinite(energy(np.array([[1e30, -1e30]], dtype=np.float32), temperature)).all()


@pytest.mark.parametrize("of", [confidence, margin, certainty, energy])
def test_no_sample_is_no_trouble(of):
    assert of(np.zeros((0, 3))).shape == (0,)


def features(samples: int, seed: int = 0, dimensions: int = 8):
    """Three classes whose features spread far more in some directions than in others."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 1, 3], samples)
    spread = np.linspace(0.1, 3, dimensions)
    return rng.normal(0, 1, (samples, dimensions)) * spread + 5 * np.eye(4, dimensions)[truth], truth


def test_mahalanobis_equals_the_plain_formula():
    x, truth = features(400)
    new, _ = features(50, 1)
    u, v = unit(x).astype(float), unit(new).astype(float)
    means = {c: u[truth == c].mean(axis=0) for c in np.unique(truth)}
    covariance = LedoitWolf(assume_centered=True).fit(u - np.stack([means[c] for c in truth])).covariance_
    inverse = np.linalg.inv(covariance)
    wider = {c: 1 + 1 / (truth == c).sum() for c in means}
    expected = [-min((one - m) @ inverse @ (one - m) / wider[c] for c, m in means.items()) for one in v]
    assert fit_mahalanobis(x, truth).familiarity(new) == pytest.approx(expected, rel=1e-4)


def test_mahalanobis_stands_fewer_samples_than_features_and_features_that_never_vary():
    x, truth = features(30, dimensions=100)
    x[:, 7] = 2
    assert np.isfinite(fit_mahalanobis(x, truth).familiarity(features(50, 1, 100)[0])).all()


def test_pictures_of_a_class_of_two_are_as_familiar_as_those_of_a_large_one():
    """A known picture lies D (1 + 1 / n) from the mean of n on average, squared: half as far again for n = 2."""
    rng = np.random.default_rng(0)
    truth, new = np.repeat([0, 1], [2000, 2]), np.repeat([0, 1], 300)
    x, y = (rng.normal(0, 1, (len(t), 200)) + 200 * np.eye(2, 200)[t] for t in (truth, new))
    found = fit_mahalanobis(x, truth).familiarity(y)
    assert found[300:].mean() == pytest.approx(found[:300].mean(), rel=0.05)


def test_knn_equals_scikit_learn():
    x, _ = features(2000)
    new, _ = features(50, 1)
    library = NearestNeighbors(n_neighbors=1).fit(unit(x))
    assert fit_knn(x).familiarity(new) == pytest.approx(-library.kneighbors(unit(new))[0][:, 0], abs=1e-6)
    assert fit_knn(x).familiarity(x[:5]) == pytest.approx(np.zeros(5), abs=1e-6)
    assert np.isfinite(fit_knn(x).familiarity(np.zeros((3, 8)))).all()
    assert fit_knn(x).familiarity(np.zeros((0, 8))).shape == (0,)


def test_many_pictures_go_in_parts(monkeypatch):
    x, new = features(300)[0], features(50, 1)[0]
    whole = fit_knn(x).familiarity(new)
    monkeypatch.setattr("sfumato.decision.doubt.knn._AT_ONCE", 7 * 300)
    assert fit_knn(x).familiarity(new) == pytest.approx(whole, abs=1e-9)


def test_drawn_samples_are_balanced_bounded_and_the_same_for_a_seed():
    truth = np.random.default_rng(0).choice([-1, 0, 1, 2], 4000, p=[0.1, 0.6, 0.299, 0.001])
    rows = drawn("knn", truth, 3)
    there = np.bincount(truth[truth >= 0])
    assert np.bincount(truth[rows]).tolist() == np.minimum(there, 500).tolist()
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(rows, drawn("knn", truth, 3))
    assert not np.array_equal(rows, drawn("knn", truth, 4))


@pytest.mark.parametrize("classes", [1, 20, 21, 1000, 25_000])
@pytest.mark.parametrize("most", MOST.values(), ids=MOST)
def test_no_reference_is_made_of_more_than_it_may(classes, most):
    assert most.of_class(np.full(classes, 3000)) == max(1, min(most.a_class, most.in_all // classes))


@pytest.mark.parametrize("fit", [fit_mahalanobis, lambda x, _: fit_knn(x)])
def test_strange_features_are_less_familiar(fit):
    x, truth = features(1000)
    known, strange = features(300, 1)[0], np.random.default_rng(2).normal(0, 3, (300, 8))
    found = fit(x, truth).familiarity(np.concatenate([known, strange]))
    assert roc_auc_score(np.arange(600) < 300, found) > 0.85


def test_arrays_are_stored_whole():
    x, truth = features(200)
    new, _ = features(50, 1)
    for found in (fit_mahalanobis(x, truth), fit_knn(x)):
        back = type(found).from_arrays(found.to_arrays(), "here")
        assert np.array_equal(back.familiarity(new), found.familiarity(new))
        assert back.width == 8


GOOD = fit_mahalanobis(*features(200)).to_arrays()
WRONG = {
    "another kind": (
        Mahalanobis,
        {"bank": GOOD["means"]},
        "class means: arrays bank; expected whitening, means, counts",
    ),
    "a shape": (Knn, {"bank": np.zeros(8, dtype=np.float32)}, "a bank of features: bank of shape (8,), float32"),
    "doubles": (Knn, {"bank": np.zeros((2, 8))}, "a bank of features: bank of shape (2, 8), float64"),
    "nothing": (Knn, {"bank": np.zeros((0, 8), dtype=np.float32)}, "a bank of features: it is empty"),
    "no number": (Knn, {"bank": np.full((2, 8), np.nan, dtype=np.float32)}, "a bank of features: bank"),
    "other features": (
        Mahalanobis,
        {**GOOD, "means": GOOD["means"][:, 1:]},
        "class means: whitening (8, 8), means (3, 7)",
    ),
    "other classes": (Mahalanobis, {**GOOD, "counts": GOOD["counts"][1:]}, "class means: whitening"),
    "no samples": (Mahalanobis, {**GOOD, "counts": 0 * GOOD["counts"]}, "class means: whitening"),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_damaged_arrays_are_refused(case):
    kind, arrays, said = WRONG[case]
    with pytest.raises(InputError) as error:
        kind.from_arrays(arrays, "here")
    assert str(error.value).startswith(f"here: not {said}")


def test_known_pictures_are_refused_as_seldom_as_was_said():
    """Exactly k / (n + 1) on average, with k = floor((n + 1) refused)."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(2000):
        found = fit_familiar(rng.normal(size=59), KNN)
        shares.append((~found.accepts(rng.normal(size=200))).mean())
    assert np.mean(shares) == pytest.approx(3 / 60, abs=0.003)


def test_too_few_samples_refuse_nothing():
    found = fit_familiar(np.arange(18.0), KNN)
    assert found.threshold is None and found.accepts(np.array([-1e9])).all()
    assert fit_familiar(np.arange(19.0), KNN).threshold == 0
    assert Familiar.from_dict(json.loads(json.dumps(found.to_dict())), "here") == found
