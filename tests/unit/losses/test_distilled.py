"""The distilled loss against torch's own divergence, and against the limit the paper gives for high temperatures."""

import pytest
import torch
from torch.nn import functional as F

from sfumato.losses.distilled import distilled_terms, softened
from sfumato.losses.hint import hint_losses

GENERATOR = torch.Generator().manual_seed(0)
STUDENT = 3 * torch.randn(20, 5, generator=GENERATOR)
TEACHER = 4 * torch.randn(20, 5, generator=GENERATOR)


def loss(student, teacher, temperature):
    return distilled_terms(student, softened(teacher, temperature), temperature).sum(dim=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 7.0])
def test_is_the_square_of_the_temperature_times_torchs_divergence(temperature):
    log_p, log_q = ((z / temperature).log_softmax(dim=1) for z in (STUDENT, TEACHER))
    expected = temperature**2 * F.kl_div(log_p, log_q, reduction="none", log_target=True).sum(dim=1)
    assert torch.allclose(loss(STUDENT, TEACHER, temperature), expected, rtol=1e-4, atol=1e-6)


def test_at_a_high_temperature_it_is_half_the_mean_square_of_centred_scores():
    """Hinton et al. 2015, section 2.1, eq. 4: the slope tends to (z - v) / (N T^2), of scores that are centred."""
    z, t = STUDENT.clone().requires_grad_(), 300.0
    found = loss(z, TEACHER, t)
    found.sum().backward()
    apart = (STUDENT - STUDENT.mean(dim=1, keepdim=True)) - (TEACHER - TEACHER.mean(dim=1, keepdim=True))
    assert torch.allclose(found.detach(), apart.square().sum(dim=1) / (2 * 5), rtol=0.05, atol=0.02)
    assert torch.allclose(z.grad, apart / 5, rtol=0.05, atol=0.02)


def test_the_slope_is_the_temperature_times_the_difference_of_probabilities():
    z = STUDENT.clone().requires_grad_()
    loss(z, TEACHER, 3.0).sum().backward()
    expected = 3.0 * (softened(STUDENT, 3.0) - softened(TEACHER, 3.0))
    assert torch.allclose(z.grad, expected, atol=1e-5)


def test_nothing_is_lost_where_both_agree_and_no_shift_of_the_scores_matters():
    assert loss(TEACHER + 7, TEACHER, 2.0).abs().max() < 1e-4
    assert (loss(STUDENT, TEACHER, 2.0) > 0).all()


def test_a_teacher_that_is_certain_teaches_a_label():
    certain = torch.where(torch.arange(5) == 2, 500.0, -500.0).expand(20, 5)
    labels = torch.full((20,), 2)
    assert torch.allclose(loss(STUDENT, certain, 1.0), F.cross_entropy(STUDENT, labels, reduction="none"), atol=1e-5)


def test_a_hint_is_half_the_squared_distance():
    mine, taught = STUDENT, F.normalize(TEACHER, dim=1)
    assert torch.allclose(hint_losses(mine, taught), 2.5 * F.mse_loss(mine, taught, reduction="none").mean(dim=1))
