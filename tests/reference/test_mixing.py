"""Mixup and CutMix against their definitions and against timm's."""

import numpy as np
import pytest
import timm.data.mixup
import torch
import torchvision.transforms.v2 as transforms

from sfumato.data.mixing import Mixing, mix, one_hot
from sfumato.losses.cross_entropy import CrossEntropySpec

IMAGES = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
TARGETS = one_hot(torch.tensor([0, 1, 2, 3, 4, 5]), 6)


@pytest.mark.parametrize("alpha", [0.0, 1e-300, 1e-17])
def test_off_is_identity(alpha):
    images, targets = mix(IMAGES, TARGETS, Mixing(alpha, alpha), seed=0, step=0)
    assert images is IMAGES
    assert targets is TARGETS


@pytest.mark.parametrize("step", range(20))
def test_mixup_blends_images_and_targets_alike(step):
    images, targets = mix(IMAGES, TARGETS, Mixing(0.8), seed=1, step=step)
    share = float(targets[0, 0])
    assert targets.sum(dim=1) == pytest.approx([1] * 6)
    assert torch.allclose(images, share * IMAGES + (1 - share) * IMAGES.roll(1, 0), atol=1e-3)


@pytest.mark.parametrize("step", range(40))
def test_cutmix_targets_are_the_pixels_really_pasted(step):
    before = IMAGES.clone()
    images, targets = mix(IMAGES, TARGETS, Mixing(0.0, 1.0), seed=2, step=step)
    other = IMAGES.roll(1, 0).float()
    pasted = ((images == other) & (images != IMAGES)).any(dim=1).flatten(1).sum(dim=1)
    expected = (1 - targets[0, 0]) * 256
    assert abs(float(pasted.max()) - float(expected)) <= 2  # pixels that are equal in both cannot be told apart
    assert torch.equal(IMAGES, before)


def test_a_function_of_seed_and_step():
    runs = [mix(IMAGES, TARGETS, Mixing(1.0), seed, step)[1] for step, seed in ((3, 0), (3, 0), (4, 0), (3, 1))]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    assert not torch.equal(runs[0], runs[3])


def test_global_generator_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    mix(IMAGES, TARGETS, Mixing(1.0), seed=0, step=0)
    assert torch.equal(torch.rand(3), expected)


def test_shares_of_mixup_cutmix_and_neither():
    kinds = []
    for step in range(600):
        chosen = Mixing(0.4, 1.0, 0.6, 0.25)
        images = mix(IMAGES, TARGETS, chosen, seed=0, step=step)[0]
        whole = torch.equal(images, IMAGES)
        kinds.append("none" if whole else "cutmix" if torch.equal(images, images.round()) else "mixup")
    shares = [kinds.count(kind) / 600 for kind in ("none", "mixup", "cutmix")]
    assert shares == pytest.approx([0.4, 0.45, 0.15], abs=0.06)


def test_lambda_is_drawn_from_beta():
    shares = [float(mix(IMAGES, TARGETS, Mixing(0.4), seed=0, step=step)[1][0, 0]) for step in range(800)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.04)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.1)  # of Beta(a, a)


def test_soft_targets_equal_two_weighted_losses():
    logits = torch.randn(6, 6, generator=torch.Generator().manual_seed(1))
    a, b, share = torch.arange(6), torch.arange(6).roll(1, 0), 0.3
    two = share * torch.nn.functional.cross_entropy(logits, a, reduction="none")
    two += (1 - share) * torch.nn.functional.cross_entropy(logits, b, reduction="none")
    soft = share * one_hot(a, 6) + (1 - share) * one_hot(b, 6)
    assert torch.allclose(CrossEntropySpec().terms(logits, soft, torch.ones(6)).sum(dim=1), two)


class OfLambda:
    """A Beta distribution that gives one value alone."""

    def __init__(self, share):
        self.share = torch.tensor([share])

    def sample(self, _):
        return self.share


def fixed(monkeypatch, share, alpha):
    """Let the drawn lambda be `share`."""
    monkeypatch.setattr(torch.distributions, "Beta", lambda *_: OfLambda(share))
    return Mixing(*alpha)


@pytest.mark.parametrize("alpha", [(1.0, 0.0), (0.0, 1.0)], ids=["mixup", "cutmix"])
def test_lambda_1_is_identity(monkeypatch, alpha):
    images, targets = mix(IMAGES, TARGETS, fixed(monkeypatch, 1.0, alpha), seed=0, step=0)
    assert torch.equal(images, IMAGES.float())
    assert torch.equal(targets, TARGETS)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9])
def test_mixup_equals_timm_at_the_same_lambda(monkeypatch, share):
    """timm pairs each picture with its mirror in the batch, as this does with its neighbour."""
    pictures = IMAGES.float()
    ours, targets = mix(pictures, TARGETS, fixed(monkeypatch, share, (1.0, 0.0)), seed=0, step=0)
    theirs, soft = pictures.clone(), timm.data.mixup.Mixup(mixup_alpha=1.0, label_smoothing=0.0, num_classes=6)
    monkeypatch.setattr(soft, "_params_per_batch", lambda: (share, False))
    order = torch.tensor([0, 5])  # in a batch of two the neighbour is the mirror
    theirs, their_targets = soft(theirs[order].clone(), torch.tensor([0, 5]))
    two, two_targets = mix(pictures[order], TARGETS[order], Mixing(1.0), seed=0, step=0)
    assert torch.allclose(two, theirs, atol=1e-3)
    assert torch.allclose(two_targets, their_targets, atol=1e-6)
    assert torch.allclose(ours[0], share * pictures[0] + (1 - share) * pictures[5], atol=1e-3)
    assert float(targets[0, 0]) == pytest.approx(share)


def test_cutmix_pastes_its_box_and_nothing_else():
    """(1 - lambda) H W pixels of the neighbour, in one rectangle, clipped where it leaves the picture."""
    black_and_white = torch.zeros(2, 3, 20, 30)
    black_and_white[1] = 255
    before, targets, clipped = black_and_white.clone(), one_hot(torch.tensor([0, 1]), 2), 0
    for step in range(100):
        images, soft = mix(black_and_white, targets, Mixing(0.0, 1.0), seed=3, step=step)
        pasted = (images[0] == 255).all(dim=0)
        assert torch.equal(pasted, (images[0] == 255).any(dim=0))
        assert int(pasted.sum()) == pytest.approx((1 - float(soft[0, 0])) * 600, abs=1e-3)
        assert torch.equal(images[1] == 0, pasted.expand(3, 20, 30))
        assert torch.equal(soft[1], soft[0].flip(0))
        rows, columns = pasted.any(dim=1).nonzero().flatten(), pasted.any(dim=0).nonzero().flatten()
        if len(rows):
            assert bool(pasted[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all())
            at_edge = rows[0] == 0 or rows[-1] == 19 or columns[0] == 0 or columns[-1] == 29
            clipped += bool(at_edge) and not bool(pasted.all())
    assert clipped >= 20
    assert torch.equal(black_and_white, before)


def test_cutmix_boxes_have_the_area_of_lambda(monkeypatch):
    """A box that nothing clips has sides of sqrt(1 - lambda) times those of the picture."""
    found = []
    for step in range(60):
        _, soft = mix(IMAGES, TARGETS, fixed(monkeypatch, 0.75, (0.0, 1.0)), seed=0, step=step)
        found.append(round((1 - float(soft[0, 0])) * 256))
    assert max(found) == 64
    assert found.count(64) >= 5
    assert min(found) >= 16


def test_mixing_is_torchvisions(monkeypatch):
    kinds = []
    for kind in ("MixUp", "CutMix"):
        call = getattr(transforms, kind).transform
        monkeypatch.setattr(getattr(transforms, kind), "transform", lambda *a, c=call, k=kind: kinds.append(k) or c(*a))
    mix(IMAGES, TARGETS, Mixing(1.0), seed=0, step=0)
    mix(IMAGES, TARGETS, Mixing(0.0, 1.0), seed=0, step=0)
    assert set(kinds) == {"MixUp", "CutMix"}


def test_an_unknown_class_stays_unknown():
    targets = one_hot(torch.tensor([0, -1, 2, -1, -1, 5]), 6)
    share = float(mix(IMAGES, TARGETS, Mixing(1.0), seed=0, step=0)[1][0, 0])
    _, soft = mix(IMAGES, targets, Mixing(1.0), seed=0, step=0)
    assert soft.sum(dim=1).tolist() == pytest.approx([1, 1 - share, share, 1 - share, 0, share], abs=1e-6)
