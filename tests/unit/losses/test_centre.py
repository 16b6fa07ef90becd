"""Centre loss against a plain reading of Wen et al., ECCV 2016."""

import pytest
import torch
from torch.nn import functional as F

from sfumato.losses.centre import CentreLossSpec, Centres

GENERATOR = torch.Generator().manual_seed(0)
FEATURES = torch.randn(12, 6, generator=GENERATOR)
CLASSES = torch.tensor([0, 0, 0, 1, 1, 2, 0, 1, 2, 2, 2, 1])
START = torch.randn(4, 6, generator=GENERATOR)
ONE = CentreLossSpec(weight=1)


def plain_loss(x, y, centres):
    """Eq. 2, as a mean over the samples."""
    return sum(0.5 * float(((x[i] - centres[y[i]]) ** 2).sum()) for i in range(len(x))) / len(x)


def plain_move(x, y, centres, rate):
    """Eq. 4, class by class."""
    moved = centres.clone()
    for j in range(len(centres)):
        of_class = [i for i in range(len(x)) if y[i] == j]
        moved[j] -= rate * sum((centres[j] - x[i] for i in of_class), torch.zeros(6)) / (1 + len(of_class))
    return moved


def test_loss_and_move_equal_the_plain_ones():
    centres, expected = Centres(START, unit=False), START.clone()
    for _ in range(5):
        found = centres.losses(FEATURES, CLASSES, ONE)
        assert float(found.mean()) == pytest.approx(plain_loss(FEATURES, CLASSES, expected), rel=1e-5)
        centres.move(centres.offsets(FEATURES, CLASSES), 0.5)
        expected = plain_move(FEATURES, CLASSES, expected, 0.5)
        assert torch.allclose(centres.tensor, expected, atol=1e-6)
    assert not torch.allclose(centres.tensor[:3], START[:3], atol=0.1)


def test_weight_and_form():
    centres = Centres(START, unit=False)
    half = centres.losses(FEATURES, CLASSES, ONE)
    assert torch.allclose(centres.losses(FEATURES, CLASSES, CentreLossSpec(weight=0.01)), 0.01 * half)
    assert torch.allclose(centres.losses(FEATURES, CLASSES, CentreLossSpec(weight=1, form="whole")), 2 * half)


def test_one_sample_moves_its_centre_by_half_of_the_rate():
    centres = Centres(START, unit=False)
    x, y = FEATURES[:1], torch.tensor([2])
    centres.move(centres.offsets(x, y), 0.5)
    assert torch.allclose(centres.tensor[2], START[2] + 0.25 * (x[0] - START[2]), atol=1e-6)
    others = [0, 1, 3]
    assert torch.equal(centres.tensor[others], START[others])


def test_pieces_add_up():
    whole = Centres(START, unit=True)
    parts = sum(whole.offsets(x, y) for x, y in zip(FEATURES.split(5), CLASSES.split(5), strict=True))
    assert torch.allclose(parts, whole.offsets(FEATURES, CLASSES), atol=1e-5)


def test_unit_features_under_a_cosine_head():
    centres = Centres(START, unit=True)
    unit = F.normalize(FEATURES, dim=1)
    assert float(centres.losses(7 * FEATURES, CLASSES, ONE).mean()) == pytest.approx(
        plain_loss(unit, CLASSES, START), rel=1e-5
    )
    centres.move(centres.offsets(7 * FEATURES, CLASSES), 0.5)
    assert torch.allclose(centres.tensor, plain_move(unit, CLASSES, START, 0.5), atol=1e-6)


def test_unknown_classes_count_nothing():
    centres = Centres(START, unit=False)
    classes = torch.where(torch.arange(12) < 4, -1, CLASSES)
    assert not centres.losses(FEATURES, classes, ONE)[:4].any()
    assert torch.allclose(centres.offsets(FEATURES, classes), centres.offsets(FEATURES[4:], CLASSES[4:]), atol=1e-5)


def test_gradients_reach_the_features_and_never_the_centres():
    centres = Centres(START.clone().requires_grad_(), unit=False)
    x = FEATURES.clone().requires_grad_()
    centres.losses(x, CLASSES, ONE).sum().backward()
    assert torch.allclose(x.grad, FEATURES - START[CLASSES], atol=1e-6)
    assert not centres.tensor.requires_grad
