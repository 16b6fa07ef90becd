"""A linear probe that begins at the class texts: what ZS-LP and CLAP share.

Silva-Rodriguez et al., A Closer Look at the Few-Shot Adaptation of Large Vision-Language Models, CVPR 2024, section 3:
logits are scale * f w / |w| with w = t at first, so that step 0 is zero-shot. Where a picture may be of several classes
each has a sigmoid in place of the softmax, and a bias, the model's own at first: cosines alone call every class likely.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.ladders.rungs.descent import Blocks, descend
from sfumato.ladders.rungs.shots import Fitted, Shots

STEPS = 300
"""As many epochs as theirs."""


def probed(shots: Shots, penalty_c: Tensor, steps: int = STEPS) -> Iterator[Fitted]:
    """What the probe is at first and after each step of least loss + sum of penalty * |w - t|^2.

    Args:
        shots: To fit on.
        penalty_c: (C,) 0 or above; of one that is infinite w stays t.
        steps: At most so many.
    """
    texts = shots.prototypes_ce

    def loss(weight_ce: Tensor, *bias_c: Tensor) -> Tensor:
        logits = shots.scale * shots.features_ne @ F.normalize(weight_ce, dim=1).T
        return shots.loss(logits + bias_c[0] if bias_c else logits)

    def settle(blocks: Blocks, rates: Sequence[float]) -> Blocks:
        return (texts + (blocks[0] - texts) / (1 + 2 * rates[0] * penalty_c)[:, None], *blocks[1:])

    def pull(blocks: Blocks) -> float:
        off = (blocks[0] - texts).square().sum(dim=1)
        return float(torch.where(off > 0, penalty_c * off, torch.zeros_like(off)).sum())

    start: Blocks = (texts,) if shots.exclusive else (texts, shots.bias_c)
    bounds = (shots.scale**2 * shots.steepness, shots.bend * len(shots.features_ne) / shots.answers)
    for blocks, _ in descend(loss, start, bounds[: len(start)], steps, settle, pull):
        bias_c = shots.bias_c if shots.exclusive else blocks[1]
        yield Fitted(shots.scale * F.normalize(blocks[0], dim=1), bias_c)
