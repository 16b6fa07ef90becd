"""Head and decoder as one score."""

import numpy as np
import pytest
import torch

from sfumato.decision.branch_share import fit_branch_share
from sfumato.models.cnn_rnn.branches import LEAST, Branches


def scores():
    torch.manual_seed(0)
    return 3 * torch.randn(6, 3), torch.rand(6, 3).round(decimals=1)


def test_it_is_the_weighted_mean_of_two_calibrated_probabilities():
    logits, shares = scores()
    branches = Branches(3, 0.5)
    slopes, intercepts = [[1.0, 0.5, 2.0], [1.0, 1.5, 0.0]], [[0.0, 0.1, -1.0], [0.2, 0.0, 0.3]]
    branches.set(0.3, slopes, intercepts)
    odds = shares.clamp(LEAST, 1 - LEAST).logit()
    p, q = (
        torch.sigmoid(torch.tensor(s) * z + torch.tensor(b))
        for s, z, b in zip(slopes, (logits, odds), intercepts, strict=True)
    )
    assert torch.allclose(branches(logits, shares).sigmoid(), 0.3 * p + 0.7 * q, atol=1e-6)


def test_all_of_either_is_that_branch_alone_however_sure_it_is():
    logits, shares = scores()
    sure = torch.cat([logits, torch.tensor([[60.0, -60.0, 30.0]])])
    shares = torch.cat([shares, torch.tensor([[0.0, 1.0, 0.5]])])
    assert torch.allclose(Branches(3, 1.0)(sure, shares), sure, rtol=1e-5)
    assert torch.allclose(Branches(3, 0.0)(sure, shares).sigmoid(), shares, atol=1.1 * LEAST)
    assert Branches(3, 0.0)(sure, shares).isfinite().all()


def drawn(strong: float, weak: float, count=400):
    rng = np.random.default_rng(3)
    there = rng.random((count, 4)) < 0.4
    return [np.where(there, 1, -1) * size + rng.normal(0, 2, there.shape) for size in (strong, weak)], there


def test_the_branch_that_says_more_has_the_larger_share():
    (first, second), there = drawn(2.0, 0.0)
    assert fit_branch_share(first, second, there).share > 0.9
    assert fit_branch_share(second, first, there).share < 0.1


def test_together_they_are_no_worse_than_either_and_the_share_is_the_best_there_is():
    (first, second), there = drawn(1.5, 1.5)
    found = fit_branch_share(first, second, there)
    assert 0.2 < found.share < 0.8
    assert found.losses[2] < min(found.losses[:2])
    others = [fit_branch_share(first, second, there, given=share).losses[2] for share in np.linspace(0, 1, 21)]
    assert found.losses[2] <= min(others) + 1e-9


def test_a_scale_of_either_changes_nothing():
    (first, second), there = drawn(1.5, 1.0)
    assert fit_branch_share(first, 7 * second, there).share == pytest.approx(
        fit_branch_share(first, second, there).share, abs=0.02
    )


def test_few_samples_fit_nothing():
    (first, second), there = drawn(1.5, 1.0, count=20)
    found = fit_branch_share(first, second, there)
    assert (found.share, found.losses) == (0.5, None)
    assert found.curves[0].slopes == (1.0,) * 4
