"""The scores of the head and of the decoder as one.

s = share * sigmoid(a z + b) + (1 - share) * sigmoid(a' r + b') of each class: z is the head's logit, r the log-odds of
the decoder's marginal. a, b, a' and b' calibrate either; they and the share are fitted after training, not learnt.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

LEAST = 1e-4
"""Probability that a class which stands in no sequence, or in all, is from certainty: a beam sees few of them."""


class Branches(nn.Module):
    """(B, C) logits of the head and (B, C) marginals of the decoder -> (B, C) log-odds of s, float32.

    Args:
        classes: C.
        head_share: Share of the head before one is fitted, 0 to 1.
    """

    def __init__(self, classes: int, head_share: float) -> None:
        super().__init__()
        self.register_buffer("share", torch.tensor(head_share))
        self.register_buffer("slopes", torch.ones(2, classes))
        self.register_buffer("intercepts", torch.zeros(2, classes))

    @property
    def head_share(self) -> float:
        """Share of the head, 0 to 1."""
        return float(cast(Tensor, self.share))

    def set(self, share: float, slopes: Sequence[Sequence[float]], intercepts: Sequence[Sequence[float]]) -> None:
        """Take what was fitted: (2, C) each, the head's first."""
        for name, value in (("share", share), ("slopes", slopes), ("intercepts", intercepts)):
            own = cast(Tensor, getattr(self, name))
            own.copy_(torch.tensor(value))

    def forward(self, logits: Tensor, shares: Tensor) -> Tensor:
        """As the class says, in logarithms: what is sure stays told apart."""
        both = torch.stack([logits.double(), log_odds(shares).double()])
        slopes, intercepts = cast(Tensor, self.slopes).double(), cast(Tensor, self.intercepts).double()
        scores = slopes[:, None] * both + intercepts[:, None]
        share = cast(Tensor, self.share).double()
        weights = torch.stack([share, 1 - share]).log()[:, None, None]
        there, absent = weights + F.logsigmoid(scores), weights + F.logsigmoid(-scores)
        return (there.logsumexp(dim=0) - absent.logsumexp(dim=0)).float()


def log_odds(shares: Tensor) -> Tensor:
    """(B, C) log p / (1 - p) of marginals, held LEAST away from certainty."""
    return shares.clamp(LEAST, 1 - LEAST).logit()
