"""Conformal sets: exact ranks, coverage against its distribution, and the identities between their kinds."""

import json
from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from scipy.stats import beta, kstest

from sfumato.decision.calibration import Temperature
from sfumato.decision.conformal.clusters import ALONE, find_clusters, halves, plan_clusters
from sfumato.decision.conformal.rank import conformal_quantile, conformal_rank, least_samples, most_below
from sfumato.decision.conformal.scores import Aps, Lac, Raps
from sfumato.decision.conformal.sets import ConformalSets, ConformalSpec, fit_sets
from sfumato.errors import InputError

SCORES = [Lac(), Aps(), Raps(), Raps(penalty=0.2, free=1)]
each = pytest.mark.parametrize("score", SCORES, ids=lambda score: f"{score.kind}-{getattr(score, 'free', '')}")


def drawn(samples: int, classes: int = 6, seed: int = 0, tail: float = 0.0):
    """Probabilities of a model that is too sure, and the truth."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (samples, classes)) - tail * np.arange(classes)
    p = Temperature().probabilities(logits)
    truth = (p.cumsum(axis=1) > rng.random((samples, 1))).argmax(axis=1)
    return Temperature(0.5).probabilities(logits), truth


def test_the_rank_is_exact():
    assert [conformal_rank(n, 0.1) for n in (8, 9, 10, 19, 99, 999)] == [9, 9, 10, 18, 90, 900]
    for alpha in (0.01, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 1 / 3):
        for n in range(400):
            written = Fraction(str(alpha))
            assert conformal_rank(n, alpha) == ceil((n + 1) * (1 - written))
            assert (conformal_rank(n, alpha) <= n) == (n >= least_samples(alpha)) == (n >= 1 / written - 1)
    assert [least_samples(alpha) for alpha in (0.1, 0.05, 0.01)] == [9, 19, 99]
    assert [most_below(n, 0.05) for n in (18, 19, 39)] == [0, 1, 2]


def test_floats_alone_would_have_got_it_wrong():
    assert conformal_rank(149, 0.18) == 123
    assert np.ceil(150 * (1 - 0.18)) == 124


def test_the_quantile_is_the_score_of_that_rank():
    scores = np.random.default_rng(0).permutation(np.arange(1.0, 20))
    assert conformal_quantile(scores, 0.1) == 18
    assert conformal_quantile(scores, 0.05) == 19
    assert conformal_quantile(scores, 0.04) == np.inf


@each
def test_coverage_is_distributed_as_it_must_be(score):
    """1000 draws of n calibration samples: the true coverage of each is Beta(k, n + 1 - k)."""
    n, alpha = 50, 0.1
    p, truth = drawn(100_000)
    own = score.scores(p)[np.arange(len(truth)), truth]
    own = own + np.random.default_rng(1).random(len(own)) * 1e-9  # scores that are equal would cover more
    ordered, rng = np.sort(own), np.random.default_rng(2)
    limits = [conformal_quantile(own[rng.integers(0, len(own), n)], alpha) for _ in range(1000)]
    coverage = np.searchsorted(ordered, limits, side="right") / len(ordered)
    k = conformal_rank(n, alpha)
    low, high = beta(k, n + 1 - k).ppf([0.005, 0.995])
    assert 0.98 <= ((coverage >= low) & (coverage <= high)).mean() <= 1
    assert kstest(coverage, beta(k, n + 1 - k).cdf).pvalue > 0.001
    assert coverage.mean() == pytest.approx(k / (n + 1), abs=0.005)


@each
def test_the_threshold_of_sets_is_that_quantile(score):
    p, truth = drawn(300)
    own = score.scores(p)[np.arange(300), truth]
    assert fit_sets(p, truth, ConformalSpec(score=score)).thresholds == (conformal_quantile(own, 0.1),) * 6


@each
def test_sets_cover_new_samples(score):
    found = fit_sets(*drawn(2000), ConformalSpec(score=score))
    p, truth = drawn(50_000, seed=1)
    sets = found.sets(p)
    assert sets[np.arange(len(truth)), truth].mean() == pytest.approx(found.promised, abs=0.025)
    assert sets.sum(axis=1).mean() < 5


def test_raps_without_a_penalty_is_aps():
    p, _ = drawn(500)
    for free in (0, 3):
        assert np.array_equal(Raps(penalty=0.0, free=free).scores(p), Aps().scores(p))


def test_aps_by_hand():
    p = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    assert Aps().scores(p) == pytest.approx(np.array([[0.8, 0.0, 0.5], [0.0, 0.4, 0.8]]))
    assert Raps(penalty=0.1, free=1).scores(p)[0] == pytest.approx([1.0, 0.0, 0.6])


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9, 0.999])
def test_aps_names_as_few_labels_as_reach_the_level(level):
    """L = min{c : the c likeliest labels have at least this probability}, Romano et al., eq. 3."""
    p, _ = drawn(300)
    sets = Aps().scores(p) < level
    fewest = (np.sort(p, axis=1)[:, ::-1].cumsum(axis=1) < level).sum(axis=1) + 1
    assert np.array_equal(sets.sum(axis=1), fewest)
    assert all(p[row][sets[row]].min() >= p[row][~sets[row]].max(initial=0) for row in range(300))


@pytest.mark.parametrize("score", [Aps(), Raps(), Raps(penalty=0.2, free=1)])
def test_where_it_errs_less_than_alpha_no_set_is_empty_and_hardly_one_has_two(score):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 6, 4000)
    p = Temperature().probabilities(6 * np.eye(6)[truth] + rng.normal(0, 1.5, (4000, 6)))
    assert (p.argmax(axis=1) != truth).mean() < 0.05
    size = fit_sets(p[:2000], truth[:2000], ConformalSpec(alpha=0.1, score=score)).sets(p[2000:]).sum(axis=1)
    assert size.min() == 1 and size.mean() < 1.1


def test_a_penalty_makes_the_largest_sets_smaller():
    calibration, (p, _) = drawn(3000, 30), drawn(3000, 30, seed=1)
    sizes = [
        fit_sets(*calibration, ConformalSpec(score=score)).sets(p).sum(axis=1).max()
        for score in (Aps(), Raps(penalty=0.2, free=2))
    ]
    assert sizes[1] < sizes[0]


@each
def test_a_promise_that_samples_cannot_keep_gives_full_sets(score):
    p, truth = drawn(200)
    assert fit_sets(p, truth, ConformalSpec(alpha=1e-9, score=score)).sets(p).all()
    for n, full in ((8, True), (9, False), (0, True)):
        found = fit_sets(p[:n], truth[:n], ConformalSpec(score=score))
        assert (found.thresholds == (None,) * 6) == full
        assert not full or found.sets(p).all()


def test_by_class_every_class_keeps_the_promise_and_the_rare_say_that_they_cannot():
    p, truth = drawn(4000, tail=1.2)
    found = fit_sets(p, truth, ConformalSpec(scope="class"))
    assert found.scopes == tuple("class" if n >= 9 else "all" for n in found.counts)
    assert "class" in found.scopes and "all" in fit_sets(p[:300], truth[:300], ConformalSpec(scope="class")).scopes
    new, new_truth = drawn(100_000, tail=1.2, seed=1)
    held = found.sets(new)[np.arange(len(new_truth)), new_truth]
    together = fit_sets(p, truth, ConformalSpec()).sets(new)[np.arange(len(new_truth)), new_truth]
    by_class = np.array([held[new_truth == c].mean() for c in range(6) if found.counts[c] > 100])
    assert np.abs(by_class - 0.9).max() < 0.05
    assert max(abs(together[new_truth == c].mean() - 0.9) for c in range(6)) > np.abs(by_class - 0.9).max()


def clustered(samples: int, seed: int):
    """40 classes of two sorts, easy and hard; scores of own labels alone matter."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 40, samples)
    return np.where(truth < 20, rng.beta(1, 12, samples), rng.beta(6, 3, samples)), truth


def test_clusters_find_the_two_sorts_of_classes():
    own, truth = clustered(8000, 0)
    found = find_clusters(own, truth, 40, 2, 0.1)
    assert len(set(found[:20])) == len(set(found[20:])) == 1
    assert found[0] != found[20]
    few = find_clusters(own[:300], truth[:300], 41, 2, 0.1)
    assert few[40] == ALONE


def test_clusters_are_as_many_as_samples_allow():
    assert plan_clusters(np.full(100, 100), 0.1) == (28, 100 / 175)
    assert plan_clusters(np.full(3, 9), 0.1)[0] == 0
    assert plan_clusters(np.zeros(0, dtype=np.int64), 0.1)[0] == 0
    chosen = halves(np.repeat([0, 1, 2], [10, 5, 1]), 0.4)
    assert np.add.reduceat(chosen, [0, 10, 15]).tolist() == [4, 2, 0]


def test_sets_by_cluster_cover_each_sort_of_class():
    own, truth = clustered(8000, 0)
    p = np.zeros((len(own), 40))
    p[np.arange(len(own)), truth] = 1 - own
    found = fit_sets(p, truth, ConformalSpec(scope="cluster"))
    assert set(found.scopes) == {"cluster"}
    clusters, share = plan_clusters(np.bincount(truth), 0.1)
    finding, scores = halves(truth, share), Lac().scores(p)[np.arange(len(own)), truth]
    place = find_clusters(scores[finding], truth[finding], 40, clusters, 0.1)
    others = ~finding & (place[truth] == place[0])  # samples that found the clusters fit no threshold
    assert found.thresholds[0] == conformal_quantile(scores[others], 0.1)
    own, truth = clustered(50_000, 1)
    limits = np.array(found.thresholds)[truth]
    for sort in (truth < 20, truth >= 20):
        assert (own <= limits)[sort].mean() == pytest.approx(0.9, abs=0.02)
    few = fit_sets(p[:200], clustered(8000, 0)[1][:200], ConformalSpec(scope="cluster"))
    assert set(few.scopes) == {"all"}


@pytest.mark.parametrize("scope", ["all", "class", "cluster"])
@each
def test_they_are_stored_whole_and_the_same_again(score, scope):
    for n in (3000, 100, 0):
        p, truth = drawn(n, tail=0.5)
        found = fit_sets(p, truth, ConformalSpec(score=score, scope=scope))
        assert found == fit_sets(p, truth, ConformalSpec(score=score, scope=scope))
        back = ConformalSets.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)), "here")
        assert back == found
        assert np.array_equal(back.sets(p), found.sets(p)) and found.sets(p).shape == p.shape


def test_a_damaged_document_is_refused():
    document = fit_sets(*drawn(100), ConformalSpec()).to_dict()
    with pytest.raises(InputError, match="here: not conformal sets: alpha should be less than 1"):
        ConformalSets.from_dict({**document, "alpha": 1.0}, "here")
    with pytest.raises(InputError, match="as many of each: 1 thresholds, 6 scopes, 6 counts"):
        ConformalSets.from_dict({**document, "thresholds": [0.5]}, "here")
