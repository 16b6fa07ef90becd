"""Losses of what is written one token after another.

Shapes: B samples, T steps, K tokens that can be written, C classes.
"""

import torch
from torch import Tensor


def sequence_losses(scores: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """(B,) cross-entropy of what is written, its mean over the steps of a sample, in nats; 0 where there is no step.

    Smoothing spreads its share over the K tokens that can be written: none goes to those that only pad or begin.

    Args:
        scores: (B, T, K).
        targets: (B, T) tokens; K and above = no step.
        smoothing: 0 to below 1.
    """
    log_p = scores.float().log_softmax(dim=2)
    steps = targets < scores.shape[2]
    own = log_p.gather(2, targets.clamp(max=scores.shape[2] - 1)[..., None])[..., 0]
    losses = -(1 - smoothing) * own - smoothing * log_p.mean(dim=2)
    return (losses * steps).sum(dim=1) / steps.sum(dim=1).clamp(min=1)


def coverage_losses(shares: Tensor, steps: Tensor) -> Tensor:
    """(B,) how much probability goes to classes that had some before: sum over t and c of min(sum of p before t, p).

    See et al., Get To The Point, ACL 2017, eq. 10 and 12, of the probabilities of classes in place of attention.

    Args:
        shares: (B, T, C) probabilities of the classes, without that of the end.
        steps: (B, T) whether there is a step.
    """
    there = shares * steps[..., None]
    return torch.minimum(there.cumsum(dim=1) - there, there).sum(dim=(1, 2))
