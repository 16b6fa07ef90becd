"""Logit adjustment: what it is equal to, and where it puts the boundary of two classes."""

import math

import numpy as np
import pytest
import torch

from sfumato.data.mixing import one_hot
from sfumato.losses.cross_entropy import CrossEntropySpec
from sfumato.losses.logit_adjusted import UNSEEN, BalancedSoftmaxSpec, LogitAdjustedSpec, log_prior

LOGITS = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
TARGETS = one_hot(torch.arange(20) % 4, 4)
COUNTS = torch.tensor([1000.0, 100.0, 30.0, 2.0])


@pytest.mark.parametrize("tau", [0.3, 1.0, 2.0])
def test_even_classes_make_it_cross_entropy(tau):
    even = torch.full((4,), 37.0)
    plain = CrossEntropySpec().terms(LOGITS, TARGETS, even)
    assert torch.allclose(LogitAdjustedSpec(tau=tau).terms(LOGITS, TARGETS, even), plain, atol=1e-6)
    assert torch.allclose(BalancedSoftmaxSpec().terms(LOGITS, TARGETS, even), plain, atol=1e-6)


def test_balanced_softmax_is_tau_1_and_its_own_formula():
    found = BalancedSoftmaxSpec().terms(LOGITS, TARGETS, COUNTS)
    assert torch.equal(found, LogitAdjustedSpec(tau=1).terms(LOGITS, TARGETS, COUNTS))
    weighed = COUNTS * LOGITS.exp()  # Ren et al., eq. 3: n_y e^z_y / sum of n_j e^z_j
    expected = -(weighed / weighed.sum(dim=1, keepdim=True)).log() * TARGETS
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_only_ratios_of_the_prior_count(tau):
    """A constant added to log pi, which is a factor of the counts, changes nothing."""
    spec = LogitAdjustedSpec(tau=tau)
    first, second = (spec.terms(LOGITS, TARGETS, COUNTS * factor) for factor in (1.0, 1000.0))
    assert torch.allclose(first, second, atol=1e-5)


def test_the_shift_is_the_shift_of_the_logits():
    spec = LogitAdjustedSpec(tau=1.5)
    shifted = LOGITS - 1.5 * COUNTS.log()
    assert torch.allclose(
        spec.terms(shifted, TARGETS, COUNTS), CrossEntropySpec().terms(LOGITS, TARGETS, COUNTS), atol=1e-4
    )


def test_a_class_without_image_is_finite():
    counts = torch.tensor([10.0, 0.0, 5.0, 1.0])
    logits = LOGITS.clone().requires_grad_()
    loss = LogitAdjustedSpec(tau=10).terms(logits, TARGETS, counts).sum()
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    assert float(log_prior(counts)[1]) == pytest.approx(math.log(UNSEEN / 16.5))


def boundary(spec, mean=1.0, ratio=100.0):
    """(slope, where both classes are as likely) of a line trained on the expected loss of N(-mean, 1) and N(mean, 1).

    The expectation over each Gaussian is an integral by Gauss-Hermite quadrature, so that no sample blurs it.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    x = torch.tensor(np.concatenate([nodes - mean, nodes + mean]), dtype=torch.float32)
    prior = np.concatenate([weights * ratio, weights]) / weights.sum() / (1 + ratio)
    share = torch.tensor(prior, dtype=torch.float32)
    targets = one_hot(torch.tensor([0] * 60 + [1] * 60), 2)
    line = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=200, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        logits = torch.stack([torch.zeros_like(x), line[0] * x + line[1]], dim=1)
        value = (spec.terms(logits, targets, torch.tensor([ratio, 1.0])).sum(dim=1) * share).sum() * 100
        value.backward()
        return value

    optimizer.step(loss)
    slope, offset = line.tolist()
    return slope, -offset / slope


@pytest.mark.parametrize("mean", [0.7, 1.0])
def test_two_gaussians_at_100_to_1(mean):
    """The log-odds are 2 mean x - log 100 by nature, and 2 mean x where both classes are as frequent."""
    slope, place = boundary(CrossEntropySpec(), mean)
    assert slope == pytest.approx(2 * mean, rel=0.01)
    assert place == pytest.approx(math.log(100) / (2 * mean), rel=0.01)
    for spec in (LogitAdjustedSpec(tau=1), BalancedSoftmaxSpec()):
        slope, place = boundary(spec, mean)
        assert slope == pytest.approx(2 * mean, rel=0.01)
        assert place == pytest.approx(0, abs=0.02)
    _, place = boundary(LogitAdjustedSpec(tau=0.5), mean)
    assert place == pytest.approx(math.log(100) / (4 * mean), rel=0.02)
