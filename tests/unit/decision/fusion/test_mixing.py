"""Weights of a mixture, shared or a class: the simplex, the grid, shrinkage, and who knows what."""

import numpy as np
import pytest
from tests.unit.decision.fusion.spoken import independent, loss, specialists

from sfumato.decision.fusion.fitting import fit_fusion
from sfumato.decision.fusion.mixing import fit_mixture, fit_weighted
from sfumato.decision.fusion.simplex import STEPS
from sfumato.decision.shrinkage import SHRINKAGE


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("strengths", [[1, 2], [2, 1, 0.2], [1, 0.5, 1, 2, 0.7]])
def test_every_class_has_a_point_of_the_simplex(strengths, several):
    said, truth = independent(strengths, classes=4)
    weights = np.array(fit_mixture(said, truth[:, None] == np.arange(4) if several else truth, by_class=True).weights)
    assert weights.shape == (len(strengths), 4)
    assert (weights >= 0).all() and weights.sum(axis=0) == pytest.approx(np.ones(4))


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("sharing", ["shared", "by_class"])
def test_identical_members_are_what_each_of_them_is(count, sharing):
    said, there = specialists(500)
    same = [said[0]] * count
    fusion = fit_fusion("weighted", same, there, sharing)
    assert not fusion.exclusive
    assert fusion.fuse(same) == pytest.approx(same[0], abs=1e-3)
    assert np.ptp(fusion.weights) <= 1 / STEPS + 1e-9


def test_a_classs_own_weights_are_the_best_of_the_grid():
    """Found by a walk, without shrinkage; of the class against all others, tried one by one."""
    said, truth = independent([1, 1.4], 300)
    found = np.array(fit_mixture(said, truth, by_class=True, shrinkage=0).weights)
    p = np.exp(said.astype(np.float64))
    for c in range(3):
        so = np.where(truth == c, p[:, :, c], 1 - p[:, :, c])
        losses = [-np.log(w / STEPS * so[0] + (1 - w / STEPS) * so[1]).mean() for w in range(STEPS + 1)]
        assert found[0, c] == pytest.approx(np.argmin(losses) / STEPS)


def test_a_rare_class_is_drawn_to_the_shared_weights():
    said, there = specialists(900)
    there[np.flatnonzero(there[:, 3])[20:], 3] = False
    there[:, 2] = False
    shared = np.array(fit_mixture(said, there, by_class=False).weights)
    own, shrunk = (np.array(fit_mixture(said, there, by_class=True, shrinkage=k).weights) for k in (0.0, SHRINKAGE))
    trust = np.array([there[:, c].sum() / (there[:, c].sum() + SHRINKAGE) for c in range(4)])
    assert shrunk == pytest.approx(trust * own + (1 - trust) * shared)
    assert trust[3] == pytest.approx(2 / 3) and shrunk[:, 2] == pytest.approx(shared[:, 0])


def test_each_class_heeds_the_member_that_sees_it():
    said, there = specialists(2000)
    fitted, test = slice(0, 1000), slice(1000, None)
    auto = fit_weighted(said[:, fitted], there[fitted])
    assert np.array(auto.weights)[0] == pytest.approx([1, 1, 0, 0], abs=0.15)
    shared = fit_weighted(said[:, fitted], there[fitted], "shared")
    gain = loss(shared.fuse(list(said[:, test])), there[test]) - loss(auto.fuse(list(said[:, test])), there[test])
    assert gain.mean() > 5 * gain.std() / gain.size**0.5


def test_where_all_classes_are_alike_inner_folds_take_shared_weights():
    """Mostly: of equal losses chance has a part."""
    taken = [len(fit_weighted(*independent([1, 1.3, 0.8], 300, seed=seed)).weights[0]) == 1 for seed in range(10)]
    assert sum(taken) >= 7


def test_two_classes_that_exclude_each_other_share_their_weights():
    said, truth = independent([1, 2], classes=2)
    assert fit_weighted(said, truth, "by_class") == fit_weighted(said, truth, "shared")
