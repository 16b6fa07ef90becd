"""Mixup and CutMix against their definitions and against timm's."""

import numpy as np
import pytest
import torch

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
