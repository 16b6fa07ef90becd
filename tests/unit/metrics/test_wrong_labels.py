"""Confident learning against its definition, read word by word, against the paper's own example, and planted errors."""

import numpy as np
import pytest

from sfumato.metrics.wrong_labels import (
    confident_class,
    confident_joint,
    joint_distribution,
    likely_wrong,
    likely_wrong_answers,
    recognised,
    self_confidence,
)

P = np.array([
    [0.9, 0.1, 0.0],
    [0.7, 0.2, 0.1],
    [0.1, 0.8, 0.1],  # labelled 0, but as surely 1 as those of 1 are
    [0.2, 0.6, 0.2],
    [0.1, 0.9, 0.0],
    [0.3, 0.3, 0.4],
    [0.5, 0.1, 0.4],  # labelled 2; its 0.5 of class 0 is less than is usual for that class
])  # fmt: skip
GIVEN = np.array([0, 0, 0, 1, 1, 2, 2])


def test_by_hand():
    thresholds = self_confidence(P, GIVEN)
    assert thresholds == pytest.approx([(0.9 + 0.7 + 0.1) / 3, 0.75, 0.4])
    confident = confident_class(P, thresholds)
    assert confident.tolist() == [0, 0, 1, -1, 1, 2, 2]
    joint = confident_joint(GIVEN, confident, 3)
    assert joint.tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 2]]
    assert joint_distribution(joint, GIVEN) == pytest.approx(np.array([[2, 1, 0], [0, 2, 0], [0, 0, 2]]) / 7)
    found = likely_wrong(P, GIVEN)
    assert found.rows.tolist() == [2] and found.likely.tolist() == [1]
    assert found.margin == pytest.approx([0.7]) and found.share == pytest.approx(1 / 7)


def test_the_papers_example():
    """Figure 1 of the paper: counts of dog, fox and cow, and the joint distribution that is estimated of them."""
    joint = np.array([[100, 40, 20], [56, 60, 0], [32, 12, 80]])
    given = np.repeat([0, 1, 2], joint.sum(axis=1))
    expected = [[0.25, 0.10, 0.05], [0.14, 0.15, 0.00], [0.08, 0.03, 0.20]]
    assert joint_distribution(joint, given).round(2).tolist() == expected


def by_definition(p, given):
    """A sample is counted where its class is the likeliest of those above their mean self-confidence."""
    n, c = p.shape
    t = [np.mean([p[k, j] for k in range(n) if given[k] == j]) if j in given else np.inf for j in range(c)]
    wrong = set()
    for k in range(n):
        over = [j for j in range(c) if p[k, j] >= t[j]]
        if over and (best := max(over, key=lambda j: p[k, j])) != given[k] and p[k].argmax() != given[k]:
            wrong.add((k, best))
    return wrong


@pytest.mark.parametrize("seed", range(5))
def test_by_definition(seed):
    rng = np.random.default_rng(seed)
    given = rng.integers(0, 5, 200)  # of 6 classes, one without a sample
    p = rng.dirichlet(np.full(6, 0.5), 200) + np.eye(6)[given] * rng.uniform(0, 2, (200, 1))
    p /= p.sum(axis=1, keepdims=True)
    found = likely_wrong(p, given)
    assert set(zip(found.rows.tolist(), found.likely.tolist(), strict=True)) == by_definition(p, given)
    assert (np.diff(found.margin) <= 0).all() and (found.margin > 0).all()


def planted(seed=0, share=0.1):
    """Gaussians whose posterior is known, with labels changed at random."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, 4000)
    x = rng.normal(0, 0.35, (4000, 4)) + np.eye(4)[truth]
    p = np.exp(x / 0.35**2)
    wrong = rng.random(4000) < share
    given = np.where(wrong, (truth + rng.integers(1, 4, 4000)) % 4, truth)
    return p / p.sum(axis=1, keepdims=True), given, wrong


def test_planted_errors_are_found():
    p, given, wrong = planted()
    found = likely_wrong(p, given)
    named = np.isin(np.arange(4000), found.rows)
    assert (named & wrong).sum() / named.sum() > 0.8 and (named & wrong).sum() / wrong.sum() > 0.8
    assert found.share == pytest.approx(wrong.mean(), abs=0.03)
    assert wrong[found.rows[:100]].mean() > 0.95  # the surest are surest


def test_as_cleanlab_finds_them():
    cleanlab = pytest.importorskip("cleanlab.filter")
    p, given, _ = planted(1)
    theirs = cleanlab.find_label_issues(given, p, filter_by="confident_learning")
    assert set(np.flatnonzero(theirs)) == set(likely_wrong(p, given).rows)


def test_several_classes_a_picture():
    """Each class on its own; what is not known is not judged."""
    p, given, _ = planted()
    there = np.stack([given == 0, given == 1], axis=1).astype(np.int8)
    there[:50, 0] = -1
    found = likely_wrong_answers(p[:, :2], there)
    first = likely_wrong(np.column_stack([1 - p[50:, 0], p[50:, 0]]), (given[50:] == 0).astype(np.int64))
    assert sorted(found.rows[found.classes == 0]) == sorted(first.rows + 50)
    assert set(found.classes.tolist()) == {0, 1} and (np.diff(found.margin) <= 0).all()
    assert 0 < found.share < 0.15


def test_nothing():
    found = likely_wrong(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))
    assert not len(found.rows) and found.share == 0
    several = likely_wrong_answers(np.zeros((0, 2)), np.zeros((0, 2), dtype=np.int8))
    assert not len(several.rows) and several.share == 0


def test_a_class_that_was_not_learned_is_not_recognised():
    assert recognised(P, GIVEN).tolist() == [True, True, True]
    assert recognised(P, np.array([0, 0, 0, 2, 2, 2, 1])).tolist() == [True, False, False]


def test_the_share_is_the_mean_of_that_of_the_classes():
    p, given, _ = planted()
    found = likely_wrong(p, given)
    assert found.share == pytest.approx(found.by_class[given].mean()) and found.by_class.shape == (4,)
