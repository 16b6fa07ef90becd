import json

import numpy as np
import pytest

from sfumato.decision.conformal.risk_control import MissControl, fit_miss_control


def drawn(samples: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.6, 2, (samples, 5))
    return p, rng.random(p.shape) < p


def missed(p, there, threshold: float) -> np.ndarray:
    """Share of each sample's true labels that are not named."""
    count = there.sum(axis=1)
    return np.where(count > 0, (there & (p < threshold)).sum(axis=1) / np.maximum(1, count), 0)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_no_greater_threshold_keeps_the_bound(alpha):
    p, there = drawn(60)
    found = fit_miss_control(p, there, alpha)
    keeps = [t for t in np.unique(p[there]) if (missed(p, there, t).sum() + 1) / 61 <= alpha + 1e-12]
    assert found.threshold == max(keeps)
    assert found.missed == pytest.approx(missed(p, there, found.threshold).mean())


def test_the_mean_share_missed_is_at_most_what_was_promised_and_hardly_less():
    """Over 1000 draws of 50 samples; the bound is alpha, and alpha - 2 / (n + 1) from below."""
    new, there_new = drawn(50_000, 1)
    own = np.sort(new[there_new])
    cost = (1 / np.maximum(1, there_new.sum(axis=1)))[np.nonzero(there_new)[0]][np.argsort(new[there_new])]
    total = np.append(0, cost.cumsum()) / len(new)
    pool, pool_there = drawn(50_000, 2)
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(1000):
        rows = rng.integers(0, len(pool), 50)
        shares.append(total[np.searchsorted(own, fit_miss_control(pool[rows], pool_there[rows], 0.1).threshold)])
    assert 0.1 - 2 / 51 - 0.003 < np.mean(shares) < 0.1 + 0.003


def test_too_few_samples_name_everything():
    p, there = drawn(40)
    for n, alpha in ((0, 0.1), (8, 0.1), (40, 1e-6)):
        found = fit_miss_control(p[:n], there[:n], alpha)
        assert (found.threshold, found.missed) == (0, 0)
        assert found.named(p).all()


def test_exactly_enough_samples_miss_nothing_of_them():
    p, there = drawn(9)
    there[:, 0] = True
    assert fit_miss_control(p, there, 0.1).threshold == p[there].min()


def test_no_true_label_and_all_of_them():
    p, there = drawn(50)
    assert fit_miss_control(p, np.zeros_like(there), 0.1).threshold == 0
    assert 0 < fit_miss_control(p, np.ones_like(there), 0.1).threshold < 1


def test_it_is_stored_whole():
    found = fit_miss_control(*drawn(200), 0.1)
    assert MissControl.from_dict(json.loads(json.dumps(found.to_dict())), "here") == found
