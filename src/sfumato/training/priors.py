"""The class prior a training implies: how much more the largest class counts than the rarest, all corrections in."""

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.data.sampling import SamplerMix, draw_chances
from sfumato.losses.class_weights import class_weights
from sfumato.losses.logit_adjusted import BalancedSoftmaxSpec, LogitAdjustedSpec, log_prior
from sfumato.training.settings import Settings

Floats = NDArray[np.float64]


def effective_prior(settings: Settings, counts: NDArray[np.int64], names: tuple[str, ...], mix: SamplerMix) -> Floats:
    """(C,) shares, summing to 1, that the classes have in what the network's own logits learn.

    Drawing multiplies a class's share of the images by how often each is drawn, class weights multiply it again, and
    a logit-adjusted loss takes tau times the logarithm of the prior out of it.

    Args:
        settings: Of a step.
        counts: (C,) training images.
        names: The C classes.
        mix: How draws go from natural to balanced.
    """
    prior = draw_chances(counts, settings.sampler_power, mix)
    images = torch.from_numpy(counts.astype(np.float32))
    if settings.class_weights is not None:
        prior = prior * class_weights(settings.class_weights, images, names).double().numpy()
    tau = adjustment(settings)
    if tau:
        prior = prior * np.exp(-tau * log_prior(images).double().numpy())
    return prior / prior.sum()


def adjustment(settings: Settings) -> float:
    """The tau of a logit-adjusted loss; 0 for any other."""
    if isinstance(settings.loss, BalancedSoftmaxSpec):
        return 1.0
    return settings.loss.tau if isinstance(settings.loss, LogitAdjustedSpec) else 0.0


def corrections(settings: Settings) -> tuple[str, ...]:
    """Tracks that correct the class prior at a step."""
    found = {
        "sampler_power": settings.sampler_power > 0,
        "class_weights": settings.class_weights is not None,
        "loss": adjustment(settings) > 0,
    }
    return tuple(name for name, there in found.items() if there)
