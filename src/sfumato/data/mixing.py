"""Mixup and CutMix: pictures of a batch blended in pairs, targets blended alike; a function of (seed, step)."""

import torch
from torch import Tensor
from torchvision.transforms.v2 import CutMix, MixUp

from sfumato.data.randomness import generator, torch_seed
from sfumato.settings import Settings

LEAST_ALPHA = 0.01
"""A Beta parameter below it counts as off: what a ramp to 0 passes on its way would draw 0 or 1, or nothing at all."""


def one_hot(targets: Tensor, classes: int) -> Tensor:
    """(B,) class indices -> (B, C) float32 probabilities."""
    return torch.nn.functional.one_hot(targets, classes).float()


def mix(images: Tensor, targets: Tensor, settings: Settings, seed: int) -> tuple[Tensor, Tensor]:
    """Mix a batch as the settings say, or leave it as it is.

    Mixup (Zhang et al., ICLR 2018) blends whole pictures; CutMix (Yun et al., ICCV 2019) pastes a rectangle and
    weighs the targets by the area really pasted. Each picture is paired with its neighbour in the batch.

    Args:
        images: (B, 3, H, W), uint8 or floats in 0 to 255.
        targets: (B, C) class probabilities.
        settings: Of the step; read are mixup_alpha, cutmix_alpha, mix_probability, cutmix_share, step.
        seed: Of the run.

    Returns:
        Images (floats where mixed) and targets of the same shapes; the inputs are not changed.
    """
    alpha = _chosen_alpha(settings, seed)
    if alpha is None or len(images) < 2:
        return images, targets
    kind, value = alpha
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "mix", settings.step))
        return kind(alpha=value)(images.float(), targets)


def _chosen_alpha(settings: Settings, seed: int) -> tuple[type[MixUp] | type[CutMix], float] | None:
    """Which of the two a step uses, and its Beta parameter; None = neither."""
    rng = generator(seed, "mix", settings.step)
    mixes, cuts = rng.random(2)
    mixup, cutmix = settings.mixup_alpha >= LEAST_ALPHA, settings.cutmix_alpha >= LEAST_ALPHA
    if mixes >= settings.mix_probability or not (mixup or cutmix):
        return None
    share = settings.cutmix_share if mixup and cutmix else float(not mixup)
    return (CutMix, settings.cutmix_alpha) if cuts < share else (MixUp, settings.mixup_alpha)
