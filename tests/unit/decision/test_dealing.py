"""Dealing samples into folds."""

import numpy as np

from sfumato.decision.dealing import deal


def test_dealing_spreads_classes_and_keeps_groups_whole():
    truth = np.repeat(np.arange(4), [50, 30, 15, 5])
    fold = deal(truth, None, 5)
    counts = np.array([[(fold[truth == c] == k).sum() for k in range(5)] for c in range(4)])
    assert (np.ptp(counts, axis=1) <= 1).all()
    groups = np.random.default_rng(0).integers(0, 30, 100)
    together = deal(truth, groups, 5)
    assert all(len(set(together[groups == g])) == 1 for g in set(groups))
    assert np.array_equal(together, deal(truth, groups, 5))


def test_of_several_classes_the_rarest_counts():
    rng = np.random.default_rng(0)
    there = rng.random((400, 3)) < [0.7, 0.3, 0.05]
    fold = deal(there, None, 4)
    rare = np.bincount(fold[there[:, 2]], minlength=4)
    nothing = np.bincount(fold[~there.any(axis=1)], minlength=4)
    assert np.ptp(rare) <= 1 and np.ptp(nothing) <= 1
    alone = np.eye(3, dtype=bool)[rng.integers(0, 3, 60)]
    assert np.ptp(np.bincount(deal(alone, None, 4))) <= 1
    assert len(deal(np.zeros((0, 3), bool), None, 4)) == 0
