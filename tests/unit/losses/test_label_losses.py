"""Losses of images of any number of classes, against torch's and torchvision's, and what is not known left out."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from sfumato.data.mixing import Mixing, labelled, mix
from sfumato.losses.asymmetric import AsymmetricSpec
from sfumato.losses.binary_cross_entropy import BinaryCrossEntropySpec
from sfumato.losses.cross_entropy import CrossEntropySpec
from sfumato.losses.focal import FocalSpec
from sfumato.losses.loss import Multilabel

ODDS = torch.tensor([1.0, 3.0, 120.0])
Z = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) * 4
HARD = (torch.rand(40, 3, generator=torch.Generator().manual_seed(1)) < 0.4).float()
SOFT = torch.rand(40, 3, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("targets", [HARD, SOFT])
def test_binary_cross_entropy_is_torchs(targets):
    plain = F.binary_cross_entropy_with_logits(Z, targets, reduction="none")
    for spec in (BinaryCrossEntropySpec(), CrossEntropySpec(), FocalSpec(gamma=0.0)):
        assert torch.equal(spec.label_terms(Z, targets, ODDS), plain)
    none = AsymmetricSpec(gamma_pos=0.0, gamma_neg=0.0, margin=0.0)
    torch.testing.assert_close(none.label_terms(Z, targets, ODDS), plain)


def test_positives_weigh_as_torchs_pos_weight_up_to_the_cap():
    for spec, weights in (
        (BinaryCrossEntropySpec(pos_weight=2.5), [2.5, 2.5, 2.5]),
        (BinaryCrossEntropySpec(pos_weight="balanced"), [1.0, 3.0, 50.0]),
        (BinaryCrossEntropySpec(pos_weight="balanced", cap=2.0), [1.0, 2.0, 2.0]),
    ):
        wanted = F.binary_cross_entropy_with_logits(Z, HARD, pos_weight=torch.tensor(weights), reduction="none")
        torch.testing.assert_close(spec.label_terms(Z, HARD, ODDS), wanted)


def test_focal_is_torchvisions():
    wanted = sigmoid_focal_loss(Z, HARD, alpha=-1, gamma=2.0)
    torch.testing.assert_close(FocalSpec(gamma=2.0).label_terms(Z, HARD, ODDS), wanted, rtol=1e-5, atol=1e-6)


def test_asymmetric_is_the_papers():
    spec, p = AsymmetricSpec(gamma_pos=1.0, gamma_neg=4.0, margin=0.05), Z.double().sigmoid()
    shifted = (p - 0.05).clamp(min=0)
    wanted = -torch.where(HARD == 1, (1 - p) * p.log(), shifted**4 * (1 - shifted).log())
    torch.testing.assert_close(spec.label_terms(Z, HARD, ODDS).double(), wanted, rtol=1e-4, atol=1e-6)
    assert float(spec.label_terms(torch.full((1, 1), -4.0), torch.zeros(1, 1), ODDS[:1])) < 1e-12


@pytest.mark.parametrize("kind", Multilabel.__args__)
def test_every_loss_is_finite_with_finite_slopes_however_sure(kind):
    z = torch.tensor([[-80.0, 0.0, 80.0]]).requires_grad_()
    for targets in (torch.zeros(1, 3), torch.ones(1, 3), torch.full((1, 3), 0.3)):
        terms = kind().label_terms(z, targets, ODDS)
        (slope,) = torch.autograd.grad(terms.sum(), z)
        assert terms.isfinite().all() and slope.isfinite().all() and (terms >= -1e-6).all()


def test_there_are_as_many_losses_as_were_looked_at():
    assert len(Multilabel.__args__) == 5


@pytest.mark.parametrize("alphas", [{"mixup_alpha": 1.0}, {"cutmix_alpha": 1.0}])
def test_what_is_not_known_stays_so_where_it_is_mixed_and_nowhere_else(alphas):
    answers = torch.tensor([[1, 0, -1], [0, 1, 1], [1, 1, 0], [0, 0, 1]])
    targets = labelled(answers)
    assert targets.isnan().sum() == 1
    images = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    _, mixed = mix(images, targets, Mixing(**alphas), seed=0, step=3)
    rows = np.flatnonzero(mixed.isnan().any(dim=1).numpy()).tolist()
    assert rows == [0, 1]  # each is mixed with the one before it
    assert mixed[2:].isfinite().all() and float(mixed[2:].min()) >= 0 and float(mixed[2:].max()) <= 1
