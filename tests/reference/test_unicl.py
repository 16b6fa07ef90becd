"""UniCL against the seed's loss (CLIP's, one right pair a row) and against its own definition, pair by pair."""

import pytest
import torch
from torch.nn import functional as F

from sfumato.losses.reduce import reduce, weigh
from sfumato.losses.unicl import UniclSpec

CLASSES = torch.tensor([0, 0, 0, 1, 1, 2, 0, 1])
C = 4  # of class 3 the batch has no picture


def rows(count: int, seed: int) -> torch.Tensor:
    drawn = torch.randn(count, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn, dim=1).requires_grad_()


def ours(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    ones = torch.ones(len(targets))
    factors = weigh(targets, torch.ones(targets.shape[1]), ones, "samples", lambda total: total)
    return reduce(UniclSpec().terms(logits, targets, torch.ones(targets.shape[1])), factors)


def hard(classes: torch.Tensor) -> torch.Tensor:
    return F.one_hot(classes, C).float()


def clip_loss(pairs: torch.Tensor) -> torch.Tensor:
    """Radford et al. 2021, figure 3: the i-th picture belongs to the i-th text, and to no other."""
    own = torch.arange(len(pairs))
    return (F.cross_entropy(pairs, own) + F.cross_entropy(pairs.T, own)) / 2


def pair_loss(pairs: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Yang et al. 2022, eq. 3 to 5: every picture of a class belongs to every text of it."""
    right = (classes[:, None] == classes[None]).to(pairs.dtype)
    right = right / right.sum(dim=1, keepdim=True)
    ways = (pairs, pairs.T)
    return sum(-(right * torch.log_softmax(way, dim=1)).sum(dim=1).mean() for way in ways) / 2


def floor() -> float:
    """mean log n_c over the pictures."""
    counts = torch.bincount(CLASSES, minlength=C)
    return float(counts[CLASSES].double().log().mean())


@pytest.mark.parametrize("reference", [clip_loss, lambda pairs: pair_loss(pairs, CLASSES)], ids=["clip", "pairs"])
def test_with_one_text_a_class_value_and_gradient_are_those_of_the_pairs(reference):
    images, prototypes, scale = rows(len(CLASSES), 1), rows(C, 2), torch.tensor(5.0, requires_grad=True)
    wanted = reference(scale * images @ prototypes[CLASSES].T)
    wanted.backward()
    gradients = [tensor.grad.clone() for tensor in (images, prototypes, scale)]
    for tensor in (images, prototypes, scale):
        tensor.grad = None
    found = ours(scale * images @ prototypes.T, hard(CLASSES))
    found.backward()
    assert found.item() + floor() == pytest.approx(wanted.item(), abs=1e-6)
    for tensor, gradient in zip((images, prototypes, scale), gradients, strict=True):
        assert torch.allclose(tensor.grad, gradient, atol=1e-6)
    assert scale.grad.abs() > 1e-3


def test_where_texts_differ_within_a_class_clips_loss_is_another():
    images, prototypes = rows(len(CLASSES), 1), rows(C, 2)
    jitter = 0.5 * torch.randn(len(CLASSES), 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    pairs = 5 * images @ F.normalize(prototypes[CLASSES] + jitter, dim=1).T
    assert abs(clip_loss(pairs) - pair_loss(pairs, CLASSES)) > 0.02


def test_the_picture_to_text_half_is_cross_entropy_with_the_batchs_prior():
    logits = torch.randn(len(CLASSES), C, generator=torch.Generator().manual_seed(4))
    counts = torch.bincount(CLASSES, minlength=C).float()
    half = F.cross_entropy(logits[:, CLASSES], torch.arange(len(CLASSES)))
    wanted = F.cross_entropy(logits + counts.log(), CLASSES) + counts[CLASSES].log().mean()
    assert half.item() == pytest.approx(wanted.item(), abs=1e-6)
    to_picture = F.cross_entropy(logits[:, CLASSES].T, torch.arange(len(CLASSES))) - floor()
    whole = ours(logits, hard(CLASSES))
    assert 2 * whole.item() == pytest.approx(wanted.item() - floor() + to_picture.item(), abs=1e-5)


def test_the_least_is_zero_whatever_the_batch_holds():
    for classes in (CLASSES, torch.tensor([0, 1]), torch.tensor([2] * 9 + [1])):
        assert ours(200.0 * hard(classes), hard(classes)).item() == pytest.approx(0, abs=1e-5)


def test_gradients_are_finite_with_classes_the_batch_lacks_and_pictures_of_unknown_class():
    logits = torch.randn(3, C, requires_grad=True)
    targets = hard(torch.tensor([0, 1, 0]))
    targets[2] = 0
    ours(logits, targets).backward()
    assert logits.grad.isfinite().all()
    assert not logits.grad[2].any()
    assert not logits.grad[:, 3].any()
