"""CLAP: the same probe, each class held to its text the harder the better the text alone tells it.

Silva-Rodriguez et al., CVPR 2024 (as in `from_prototypes`), section 4: loss + mean over the classes of
lambda_c |w_c - t_c|^2, with lambda_c the mean probability that zero-shot gives the class's own training pictures: the
first multipliers of their augmented Lagrangian, and no further round of it, which is what they train with. A class
without a picture has lambda 1, so that its text stands for it.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from sfumato.ladders.rungs.from_prototypes import STEPS, probed
from sfumato.ladders.rungs.rung import Rung
from sfumato.ladders.rungs.shots import Fitted, Shots
from sfumato.ladders.rungs.zero_shot import fit_zero_shot

STRENGTHS = (100.0, 10.0, 1.0)
"""What the multipliers are multiplied by; 1 is theirs."""
CLIP_SCALE = 100.0
"""At which theirs is as strong as it is: the loss bends with the square of the scale, and the penalty grows with it, to
be as strong beside the loss at any temperature."""


def multipliers(shots: Shots) -> Tensor:
    """(C,) mean probability, 0 to 1, that zero-shot gives each class on the pictures that are of it."""
    logits, there = fit_zero_shot(shots).logits(shots.features_ne), shots.there_nc
    p = logits.softmax(dim=1) if shots.exclusive else logits.sigmoid()
    counts = there.sum(dim=0)
    return torch.where(counts > 0, (p * there).sum(dim=0) / counts.clamp(min=1), torch.ones_like(counts))


def fit_class_adaptive(shots: Shots, strength: float = 1.0) -> Fitted:
    """The probe under its penalty; `strength`: 0 = ZS-LP, infinite = zero-shot."""
    strong = strength * (shots.scale / CLIP_SCALE) ** 2
    penalty_c = strong * multipliers(shots) / len(shots.prototypes_ce)
    *_, last = probed(shots, penalty_c, STEPS)
    return replace(last, settings={"strength": strength})


def _fit(shots: Shots) -> Iterator[Fitted]:
    for strength in STRENGTHS:
        yield fit_class_adaptive(shots, strength)


CLASS_ADAPTIVE = Rung("clap", "CLAP", _fit)
