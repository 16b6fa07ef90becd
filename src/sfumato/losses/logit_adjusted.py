"""Logit adjustment: the loss sees logits as frequent classes would shift them, so that the network need not."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from sfumato.losses.cross_entropy import CrossEntropySpec
from sfumato.spec import Spec

UNSEEN = 0.5
"""Images that a class without any is taken to have, so that its logarithm is finite."""


class LogitAdjustedSpec(Spec):
    """Menon et al., Long-tail Learning via Logit Adjustment, ICLR 2021, eq. 10: cross-entropy of z + tau log pi."""

    kind: Literal["logit_adjusted"] = "logit_adjusted"
    tau: Annotated[float, Field(gt=0, le=10)] = 1.0
    """How much of the classes' imbalance is corrected: 1 = all of it."""

    def terms(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """The terms of cross-entropy at the shifted logits: (B, C) -> (B, C), in nats."""
        return CrossEntropySpec().terms(logits + self.tau * log_prior(counts), targets, counts)


class BalancedSoftmaxSpec(Spec):
    """Ren et al., Balanced Meta-Softmax, NeurIPS 2020, eq. 3: logit adjustment with tau 1, under its other name."""

    kind: Literal["balanced_softmax"] = "balanced_softmax"

    def terms(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """The terms of cross-entropy at logits shifted by log n: (B, C) -> (B, C), in nats."""
        return LogitAdjustedSpec().terms(logits, targets, counts)


def log_prior(counts: Tensor) -> Tensor:
    """(C,) images -> (C,) logarithm of each class's share; an unseen class has that of UNSEEN images."""
    seen = counts.clamp(min=UNSEEN)
    return (seen / seen.sum()).log()
