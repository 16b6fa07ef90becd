"""Binary cross-entropy: each label a question of its own."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.spec import Spec

PosWeight = Annotated[float, Field(gt=0)] | Literal["balanced"]


class BinaryCrossEntropySpec(Spec):
    """Minus the logarithm of the probability of what is so of each label; only where an image may have several."""

    kind: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    pos_weight: PosWeight = 1.0
    """How much an image of a label counts against one that is not of it; `balanced` = as many times as there are fewer
    of them in training, of each label apart."""
    cap: Annotated[float, Field(gt=1)] = 50.0
    """Most that `balanced` gives."""

    def label_terms(self, logits: Tensor, targets: Tensor, odds: Tensor) -> Tensor:
        """-w q log p - (1 - q) log(1 - p) of each label: torch's `binary_cross_entropy_with_logits(pos_weight=)`.

        Args:
            logits: (B, C).
            targets: (B, C) probabilities.
            odds: (C,) training images that are not of the label for each one that is.

        Returns:
            (B, C) float32, in nats.
        """
        weights = odds.clamp(max=self.cap) if self.pos_weight == "balanced" else torch.full_like(odds, self.pos_weight)
        return F.binary_cross_entropy_with_logits(logits.float(), targets, pos_weight=weights, reduction="none")


def binary_terms(logits: Tensor, targets: Tensor) -> Tensor:
    """-q log p - (1 - q) log(1 - p) of each label, p = sigmoid: (B, C) logits and probabilities -> (B, C), in nats."""
    return F.binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
