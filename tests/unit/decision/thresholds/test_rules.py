"""Every rule against brute force over all cut points, and against closed forms."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import beta
from sklearn import metrics as sk

from sfumato.decision.thresholds.cuts import cuts_of, resampled, thinned
from sfumato.decision.thresholds.rules import EqualError, FBeta, PrecisionFloor, RecallFloor, Youden

SCORES = {
    "f_beta": (FBeta(), lambda t, y: sk.f1_score(y, t)),
    "f_beta 2": (FBeta(beta=2.0), lambda t, y: sk.fbeta_score(y, t, beta=2)),
    "f_beta 0.5": (FBeta(beta=0.5), lambda t, y: sk.fbeta_score(y, t, beta=0.5)),
    "youden": (Youden(), lambda t, y: t[y].mean() - t[~y].mean()),
    "equal_error": (EqualError(), lambda t, y: -abs((1 - t[y].mean()) - t[~y].mean())),
    "precision_floor": (PrecisionFloor(floor=0.6), lambda t, y: t[y].mean() if sk.precision_score(y, t) >= 0.6 else -1),
    "recall_floor": (RecallFloor(floor=0.9), lambda t, y: sk.precision_score(y, t) if t[y].mean() >= 0.9 else -1),
}


def drawn(seed: int, samples: int = 60, decimals: int | None = None):
    rng = np.random.default_rng(seed)
    there = rng.random(samples) < 0.3
    scores = rng.beta(2 + 2 * there, 4 - there)
    return scores if decimals is None else scores.round(decimals), there


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("decimals", [None, 1])
def test_no_cut_point_is_better(name, decimals):
    rule, score = SCORES[name]
    for seed in range(10):
        scores, there = drawn(seed, decimals=decimals)
        cuts = cuts_of(scores, there)
        found = cuts.thresholds[rule.best(cuts)]
        brute = max(score(scores >= t, there) for t in np.unique(scores))
        assert score(scores >= found, there) == pytest.approx(brute)


def test_the_rules_are_all_checked():
    assert len({type(rule) for rule, _ in SCORES.values()}) == 5


def test_a_threshold_lies_midway_between_neighbours():
    cuts = cuts_of(np.array([0.9, 0.5, 0.5, 0.2]), np.array([True, False, True, False]))
    assert cuts.thresholds == pytest.approx([0.7, 0.35, 0.1])
    assert cuts.hits.tolist() == [1, 2, 2]
    assert cuts.alarms.tolist() == [0, 1, 2]


def test_neighbours_without_a_number_between_them_are_told_apart():
    low = 0.3
    scores = np.array([np.nextafter(low, 1), low])
    cuts = cuts_of(scores, np.array([True, False]))
    assert (scores >= cuts.thresholds[0]).tolist() == [True, False]


def test_the_area_under_the_curve_is_scikit_learns():
    scores, there = drawn(0, decimals=1)
    assert cuts_of(scores, there).ranking == pytest.approx(sk.roc_auc_score(there, scores))


def test_an_unreachable_floor_gives_the_greatest_precision():
    cuts = cuts_of(np.array([0.9, 0.8, 0.7, 0.1]), np.array([False, True, True, False]))
    assert cuts.thresholds[PrecisionFloor(floor=0.9).best(cuts)] == pytest.approx(0.4)


@pytest.mark.parametrize(("a", "b"), [(2, 6), (1, 1), (0.5, 3)])
def test_of_a_calibrated_sample_the_best_f1_has_a_threshold_of_half_of_it(a, b):
    """Scores spread as Beta(a, b), of which as many as they say are of the class: t* = F*/2, F* from the integrals."""
    p = beta(a, b)
    up = beta(a + 1, b)  # E[p; p >= t] = mean * P(Beta(a + 1, b) >= t)
    best_f1 = -minimize_scalar(lambda t: -2 * p.mean() * up.sf(t) / (p.sf(t) + p.mean()), bounds=(0, 1)).fun
    scores = p.ppf((np.arange(100_000) + 0.5) / 100_000)
    cuts = cuts_of(scores, np.diff(np.floor(scores.cumsum()), prepend=0) > 0)
    best = FBeta().best(cuts)
    assert cuts.f_beta(1)[best] == pytest.approx(best_f1, abs=0.002)
    assert cuts.thresholds[best] == pytest.approx(best_f1 / 2, abs=0.005)


def test_equal_error_is_where_both_errors_are_equal():
    """Two normals, 2 apart: both errors are Phi(-1) at the middle."""
    rng = np.random.default_rng(0)
    there = np.repeat([True, False], 50_000)
    scores = 1 / (1 + np.exp(-rng.normal(np.where(there, 1, -1))))
    cuts = cuts_of(scores, there)
    best = EqualError().best(cuts)
    assert 1 - cuts.recall[best] == pytest.approx(cuts.false_alarms[best], abs=1e-4)
    assert cuts.false_alarms[best] == pytest.approx(0.1587, abs=0.003)
    assert cuts.thresholds[best] == pytest.approx(0.5, abs=0.01)


def test_thinned_cuts_keep_the_rare_class_and_the_ends():
    rng = np.random.default_rng(0)
    there = np.arange(20_000) < 30
    cuts = cuts_of(rng.random(20_000), there)
    few = thinned(cuts, 400)
    assert len(few.thresholds) <= 600
    assert set(cuts.hits) - {0} <= set(few.hits)
    assert few.hits[-1] == 30 and few.alarms[-1] == 19_970
    assert few.f_beta(1).max() == pytest.approx(cuts.f_beta(1).max())


def test_resamples_vary_as_the_samples_would():
    scores, there = drawn(0, 2000)
    cuts = cuts_of(scores, there)
    draws = resampled(cuts, 2000)
    rng = np.random.default_rng(1)
    rows = (rng.integers(0, 2000, 2000) for _ in range(500))
    plain = [np.mean(scores[r][there[r]] >= 0.5) for r in rows]
    at = np.argmin(np.abs(cuts.thresholds - 0.5))
    assert draws.hits[:, at].mean() == pytest.approx(cuts.hits[at], rel=0.02)
    assert draws.recall[:, at].std() == pytest.approx(np.std(plain), rel=0.12)
