"""LP++: class vectors of the pictures beside those of the texts, and how much each class's text counts.

Huang et al., LP++: A Surprisingly Strong Linear Probe for Few-Shot CLIP, CVPR 2024: logits l_ik = f_i (w_k + a_k t_k),
w and a of least cross-entropy by steps from Lipschitz constants, so that the loss falls at every step and nothing is
searched on other pictures. The constants are those of all of w and of all of a: half the greatest eigenvalue of
F F / N, and half the greatest mean square of f t_k. w begins at the class means. a begins at the scale of the model, so
that texts count at first as they do in zero-shot at any temperature; theirs begins at 250 times the mean cosine of a
picture and its class's text: 50 to 90 for CLIP, where those are 0.2 to 0.35 and the scale is 100. Where a picture may
be of several classes sigmoids stand in place of the softmax, constants are a quarter in place of a half, and each class
has a bias, the model's own at first.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from sfumato.ladders.rungs.descent import Blocks, descend
from sfumato.ladders.rungs.rung import Rung
from sfumato.ladders.rungs.shots import Fitted, Shots

STEPS = 300


def falling(shots: Shots, steps: int = STEPS) -> Iterator[tuple[Fitted, float]]:
    """What it is at first and after each step, with the loss in nats."""
    texts, near = shots.prototypes_ce, shots.similarity_nc

    def loss(weight_ce: Tensor, share_c: Tensor, *bias_c: Tensor) -> Tensor:
        logits = shots.features_ne @ weight_ce.T + share_c * near
        return shots.loss(logits + bias_c[0] if bias_c else logits)

    pictures = len(near) / shots.answers
    start: Blocks = (_means(shots), torch.full_like(shots.bias_c, shots.scale))
    greatest = float(near.square().mean(dim=0).max())
    bounds = (shots.steepness, shots.bend * pictures * greatest, shots.bend * pictures)
    start = start if shots.exclusive else (*start, shots.bias_c)
    for blocks, height in descend(loss, start, bounds[: len(start)], steps):
        weight = blocks[0] + blocks[1][:, None] * texts
        yield Fitted(weight, shots.bias_c if shots.exclusive else blocks[2]), height


def fit_lp_plus_plus(shots: Shots, steps: int = STEPS) -> Fitted:
    """What it is after so many steps."""
    *_, (last, _) = falling(shots, steps)
    return last


def _means(shots: Shots) -> Tensor:
    """(C, E) mean of the features of each class; 0 of one without a picture."""
    there = shots.there_nc
    return there.T @ shots.features_ne / there.sum(dim=0).clamp(min=1)[:, None]


def _fit(shots: Shots) -> Iterator[Fitted]:
    yield fit_lp_plus_plus(shots)


LP_PLUS_PLUS = Rung("lp++", "LP++", _fit)
