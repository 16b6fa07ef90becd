"""Sureness and familiarity, each against a closed form or a named library."""

import json

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import entropy
from sfumato.decision.doubt.nearest import Nearest, fit_nearest, unit
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from sfumato.decision.doubt.familiar import Familiar, fit_familiar
from sfumato.decision.doubt.mahalanobis import Mahalanobis, fit_mahalanobis
from sfumato.decision.doubt.sureness import certainty, confidence, energy, margin
from sfumato.errors import InputError

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
    means = {c: x[truth == c].mean(axis=0) for c in np.unique(truth)}
    covariance = LedoitWolf(assume_centered=True).fit(x - np.stack([means[c] for c in truth])).covariance_
    inverse = np.linalg.inv(covariance)
    expected = [-min((one - m) @ inverse @ (one - m) for m in means.values()) for one in new]
    assert fit_mahalanobis(x, truth).familiarity(new) == pytest.approx(expected, rel=1e-4)


def test_mahalanobis_stands_fewer_samples_than_features_and_features_that_never_vary():
    x, truth = features(30, dimensions=100)
    x[:, 7] = 2
    assert np.isfinite(fit_mahalanobis(x, truth).familiarity(features(50, 1, 100)[0])).all()


def test_nearest_equals_scikit_learn():
    x, _ = features(2000)
    new, _ = features(50, 1)
    library = NearestNeighbors(n_neighbors=50).fit(unit(x))
    assert fit_nearest(x).familiarity(new) == pytest.approx(-library.kneighbors(unit(new))[0][:, -1], abs=1e-3)


def test_a_bank_is_bounded_and_neighbours_fit_it():
    x, _ = features(2000)
    assert len(fit_nearest(x, bank=300).bank) == 300
    assert np.array_equal(fit_nearest(x, bank=300).bank, fit_nearest(x, bank=300).bank)
    assert [fit_nearest(x[:n]).neighbours for n in (1, 19, 40, 1000, 2000)] == [1, 1, 2, 50, 50]
    assert np.isfinite(fit_nearest(x).familiarity(np.zeros((3, 8)))).all()
    assert fit_nearest(x).familiarity(np.zeros((0, 8))).shape == (0,)


@pytest.mark.parametrize("fit", [fit_mahalanobis, lambda x, _: fit_nearest(x)])
def test_strange_features_are_less_familiar(fit):
    x, truth = features(1000)
    known, strange = features(300, 1)[0], np.random.default_rng(2).normal(0, 3, (300, 8))
    found = fit(x, truth).familiarity(np.concatenate([known, strange]))
    assert roc_auc_score(np.arange(600) < 300, found) > 0.85


def test_arrays_are_stored_whole_and_checked():
    x, truth = features(200)
    new, _ = features(50, 1)
    for found in (fit_mahalanobis(x, truth), fit_nearest(x)):
        back = type(found).from_arrays(found.to_arrays(), "here")
        assert np.array_equal(back.familiarity(new), found.familiarity(new))
    with pytest.raises(InputError, match="here: not class means: arrays bank; expected whitening, means"):
        Mahalanobis.from_arrays({"bank": x.astype(np.float32)}, "here")
    with pytest.raises(InputError, match=r"not a bank of features: bank of shape \(8,\)"):
        Nearest.from_arrays({"bank": np.zeros(8, dtype=np.float32)}, "here")


def test_known_pictures_are_refused_as_seldom_as_was_said():
    """Exactly k / (n + 1) on average, with k = floor((n + 1) refused)."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(2000):
        found = fit_familiar(rng.normal(size=59))
        shares.append((~found.accepts(rng.normal(size=200))).mean())
    assert np.mean(shares) == pytest.approx(3 / 60, abs=0.003)


def test_too_few_samples_refuse_nothing():
    found = fit_familiar(np.arange(18.0))
    assert found.threshold is None and found.accepts(np.array([-1e9])).all()
    assert fit_familiar(np.arange(19.0)).threshold == 0
    assert Familiar.from_dict(json.loads(json.dumps(found.to_dict())), "here") == found
