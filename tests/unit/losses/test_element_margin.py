"""Hard negatives of the same elements: closed forms, a gradient, and what the term leaves alone."""

import pytest
import torch
from torch.nn import functional as F

from sfumato.losses import element_margin
from sfumato.losses.element_margin import ElementMarginSpec, margin_terms

AKIN = torch.tensor([[0, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)
Z = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)) * 3
COUNTS = torch.ones(4)


def hot(*classes: int) -> torch.Tensor:
    return F.one_hot(torch.tensor(classes), 4).float()


def margins(spec: ElementMarginSpec, z: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """What the term adds to cross-entropy, of each sample."""
    return (spec.terms(z, q, COUNTS, AKIN) + q * z.log_softmax(dim=1)).sum(dim=1)


def test_it_is_the_closed_form():
    found = margins(ElementMarginSpec(margin=1.5, weight=2.0), Z, hot(0, 1, 2, 3, 0))
    kin = {0: (1, 2), 1: (0,), 2: (0,), 3: ()}
    for row, true in enumerate((0, 1, 2, 3, 0)):
        over = sum(torch.exp(1.5 + Z[row, other] - Z[row, true]) for other in kin[true])
        assert found[row] == pytest.approx(2 * float(torch.log1p(torch.as_tensor(over))), abs=1e-5)


def test_without_margin_it_is_cross_entropy_among_kin():
    found = margins(ElementMarginSpec(margin=0), Z, hot(0, 0, 0, 0, 0))
    assert torch.allclose(found, F.cross_entropy(Z[:, :3], torch.zeros(5, dtype=torch.int64), reduction="none"))


def test_classes_that_share_nothing_have_no_part_in_it():
    z = Z.clone().requires_grad_()
    margin_terms(z, AKIN, 1.0, torch.tensor([True, True, True, True]))[:, :3].sum().backward()
    assert (z.grad[:, 3] == 0).all() and (z.grad[:, 0] != 0).all()
    moved = Z.clone()
    moved[:, 3] += 5
    one, other = (margin_terms(x, AKIN, 1.0, torch.ones(4, dtype=torch.bool)) for x in (Z, moved))
    assert torch.equal(one[:, :3], other[:, :3]) and (one[:, 3] == 0).all()


def test_it_draws_kin_apart_more_than_cross_entropy_does():
    """Two classes that are nearly told apart, and many that are easy: the gradient between the two is larger."""
    z = torch.tensor([[1.0, 0.5, -9.0, -9.0]]).requires_grad_()
    (plain,) = torch.autograd.grad(F.cross_entropy(z, torch.tensor([0])), z)
    (ours,) = torch.autograd.grad(ElementMarginSpec().terms(z, hot(0), COUNTS, AKIN).sum(), z)
    assert ours[0, 1] > 2 * plain[0, 1]


def test_far_logits_mixed_targets_and_unknown_classes():
    far = torch.tensor([[-300.0, 200.0, -900.0, 0.0]])
    assert margins(ElementMarginSpec(), far, hot(0))[0] == pytest.approx(501, rel=1e-5)
    mixed = margins(ElementMarginSpec(), Z, 0.3 * hot(0, 0, 0, 0, 0) + 0.7 * hot(1, 1, 1, 1, 1))
    first, second = (margins(ElementMarginSpec(), Z, hot(*[c] * 5)) for c in (0, 1))
    assert torch.allclose(mixed, 0.3 * first + 0.7 * second, atol=1e-5)
    assert (ElementMarginSpec().terms(Z, torch.zeros(5, 4), COUNTS, AKIN) == 0).all()


def test_in_pieces_it_is_the_same(monkeypatch):
    q = torch.full((5, 4), 0.25)
    whole = ElementMarginSpec().terms(Z, q, COUNTS, AKIN)
    monkeypatch.setattr(element_margin, "AT_ONCE", 1)
    assert torch.equal(whole, ElementMarginSpec().terms(Z, q, COUNTS, AKIN))
