"""Losses of sequences: against torch's cross-entropy, and coverage by hand."""

import pytest
import torch
from torch.nn import functional as F

from sfumato.losses.sequence import coverage_losses, sequence_losses

PAD = 6


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_it_is_torchs_cross_entropy_of_each_sample(smoothing):
    torch.manual_seed(0)
    scores = torch.randn(2, 4, 5)
    targets = torch.tensor([[3, 0, 4, PAD], [4, PAD, PAD, PAD]])
    found = sequence_losses(scores, targets, smoothing)
    wanted = [
        F.cross_entropy(s, t, ignore_index=PAD, label_smoothing=smoothing) for s, t in zip(scores, targets, strict=True)
    ]
    assert torch.allclose(found, torch.stack(wanted))


def test_padding_has_no_loss_and_no_gradient():
    scores = torch.randn(1, 3, 5, requires_grad=True)
    sequence_losses(scores, torch.tensor([[2, PAD, PAD]]), 0.1).sum().backward()
    assert scores.grad[0, 0].any() and not scores.grad[0, 1:].any()
    assert sequence_losses(scores.detach(), torch.tensor([[PAD, PAD, PAD]]), 0.1).tolist() == [0]


def test_smoothing_spreads_over_what_can_be_written():
    """At the smoothed targets themselves the gradient is 0: a share of 0.1 / 5 for every token there is, none beside."""
    wanted = torch.tensor([0.02, 0.92, 0.02, 0.02, 0.02])
    scores = wanted.log()[None, None].requires_grad_()
    sequence_losses(scores, torch.tensor([[1]]), 0.1).sum().backward()
    assert torch.allclose(scores.grad, torch.zeros_like(scores), atol=1e-7)


def test_coverage_is_what_was_named_before():
    steps = torch.ones(1, 3, dtype=torch.bool)
    disjoint = torch.eye(3)[None]
    assert float(coverage_losses(disjoint, steps)) == 0
    again = torch.tensor([[[0.5, 0.2], [0.4, 0.0], [0.8, 0.1]]])
    by_hand = min(0.5, 0.4) + min(0.2, 0.0) + min(0.9, 0.8) + min(0.2, 0.1)
    assert float(coverage_losses(again, steps)) == pytest.approx(by_hand)
    cut = torch.tensor([[True, True, False]])
    assert float(coverage_losses(again, cut)) == pytest.approx(0.4)
