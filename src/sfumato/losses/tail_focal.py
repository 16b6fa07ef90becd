"""Focal loss for the rarest classes, cross-entropy for the others."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from sfumato.losses.cross_entropy import CrossEntropySpec
from sfumato.losses.focal import Gamma, focal_terms
from sfumato.spec import Spec


class TailFocalSpec(Spec):
    """Focal loss where the class is one of the tail's."""

    kind: Literal["tail_focal"] = "tail_focal"
    gamma: Gamma = 1.5
    """How much less sure answers count within the tail; 0 = cross-entropy."""
    fraction: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Share of the classes, those with the fewest training images, that is the tail."""
    mean: Literal["samples", "halves"] = "samples"
    """`halves` averages tail and others apart and adds both, so that one tail image weighs as much as all others of a
    batch: a compatibility setting."""

    def terms(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """The terms of focal loss for samples of the tail, of cross-entropy for others: (B, C) -> (B, C), in nats."""
        focal, plain = focal_terms(logits, targets, self.gamma), CrossEntropySpec().terms(logits, targets, counts)
        return torch.where(self._in_tail(targets, counts)[:, None], focal, plain)

    def sample_weights(self, targets: Tensor, counts: Tensor) -> Tensor:
        """(B,) weights under which the mean over the batch is the sum of the means over tail and others.

        A row of zeros, an unknown class, is neither.
        """
        known = targets.sum(dim=1) > 0
        is_tail = self._in_tail(targets, counts) & known
        if self.mean == "samples":
            return torch.ones_like(is_tail, dtype=torch.float32)
        half = torch.where(is_tail, is_tail.sum(), (known & ~is_tail).sum()).clamp(min=1)
        return known.sum() / half.float()

    def _in_tail(self, targets: Tensor, counts: Tensor) -> Tensor:
        """(B,) bool: whether the likeliest class of each sample's target is one of the tail's."""
        return tail(counts, self.fraction)[targets.argmax(dim=1)]


def tail(counts: Tensor, fraction: float) -> Tensor:
    """(C,) bool: the floor(fraction * C) classes with the fewest images, at least one; of equals, the first ones."""
    size = max(1, int(fraction * len(counts) + 1e-9))
    rarest = torch.argsort(counts, stable=True)[:size]
    return torch.zeros_like(counts, dtype=torch.bool).index_fill(0, rarest, value=True)
