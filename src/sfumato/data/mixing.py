"""Mixup and CutMix: pictures of a batch blended in pairs, targets blended alike; a function of (seed, step)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.v2 import CutMix, MixUp

from sfumato.data.randomness import generator, torch_seed

LEAST_ALPHA = 0.01
"""A Beta parameter below it counts as off: what a ramp to 0 passes on its way would draw 0 or 1, or nothing at all."""


@dataclass(frozen=True, slots=True)
class Mixing:
    """How much is mixed at one moment."""

    mixup_alpha: float = 0.0
    """Beta parameter of mixup; 0 = off."""
    cutmix_alpha: float = 0.0
    """Beta parameter of CutMix; 0 = off."""
    probability: float = 1.0
    """Chance that a batch is mixed at all."""
    cutmix_share: float = 0.5
    """Share of CutMix among mixed batches when mixup and CutMix are both on."""

    @property
    def on(self) -> bool:
        """Whether any batch is mixed."""
        return self.probability > 0 and max(self.mixup_alpha, self.cutmix_alpha) >= LEAST_ALPHA


def one_hot(targets: Tensor, classes: int) -> Tensor:
    """(B,) class indices -> (B, C) float32 probabilities; a row of zeros for an index below 0, an unknown class."""
    known = (targets >= 0).unsqueeze(1)
    return torch.nn.functional.one_hot(targets.clamp(min=0), classes).float() * known


def one_hots(targets: Tensor, sizes: Sequence[int]) -> Tensor:
    """(B, T) class indices of T tasks -> (B, C) probabilities, side by side as their logits are; see `one_hot`."""
    tasks = [one_hot(column, size) for column, size in zip(targets.unbind(dim=1), sizes, strict=True)]
    return tasks[0] if len(tasks) == 1 else torch.cat(tasks, dim=1)


def labelled(targets: Tensor) -> Tensor:
    """(B, C) 1, 0 and below 0 (not known) of each label -> (B, C) float32 probabilities, nan where it is not known."""
    return targets.float().masked_fill(targets < 0, torch.nan)


def mix(images: Tensor, targets: Tensor, mixing: Mixing, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Mix a batch, or leave it as it is.

    Mixup (Zhang et al., ICLR 2018) blends whole pictures; CutMix (Yun et al., ICCV 2019) pastes a rectangle and
    weighs the targets by the area really pasted. Each picture is paired with its neighbour in the batch.

    Args:
        images: (B, 3, H, W), uint8 or floats in 0 to 255.
        targets: (B, C) class probabilities, of several tasks side by side; one that is nan stays so where it is mixed.
        mixing: How much.
        seed: Of the run.
        step: Optimiser step; equal seeds and steps mix alike.

    Returns:
        Images (floats where mixed) and targets of the same shapes; the inputs are not changed.
    """
    alpha = _chosen_alpha(mixing, seed, step)
    if alpha is None or len(images) < 2:
        return images, targets
    kind, value = alpha
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "mix", step))
        return kind(alpha=value)(images.float(), targets)


def _chosen_alpha(mixing: Mixing, seed: int, step: int) -> tuple[type[MixUp] | type[CutMix], float] | None:
    """Which of the two a step uses, and its Beta parameter; None = neither."""
    rng = generator(seed, "mix", step)
    mixes, cuts = rng.random(2)
    mixup, cutmix = mixing.mixup_alpha >= LEAST_ALPHA, mixing.cutmix_alpha >= LEAST_ALPHA
    if mixes >= mixing.probability or not (mixup or cutmix):
        return None
    share = mixing.cutmix_share if mixup and cutmix else float(not mixup)
    return (CutMix, mixing.cutmix_alpha) if cuts < share else (MixUp, mixing.mixup_alpha)
