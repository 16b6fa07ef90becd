"""Cross-entropy, and beside it a margin to the classes that share elements with the true one: the hard negatives."""

from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor

from sfumato.losses.cross_entropy import CrossEntropySpec
from sfumato.spec import Spec

AT_ONCE = 2**24
"""Differences of logits that are held at a time: 64 MB."""


class ElementMarginSpec(Spec):
    """Cross-entropy over all classes, and a softmax margin over those that share an element with the true one.

    Against products of the same element, of another hour or level: all other classes are easily told from the true one,
    and hardly move the mean. The softmax margin is that of Gimpel and Smith, Softmax-Margin CRFs, NAACL 2010.
    """

    kind: Literal["element_margin"] = "element_margin"
    margin: Annotated[float, Field(ge=0, le=100)] = 1.0
    """By how much the true class's logit is to exceed that of each of them, nats; 0 = cross-entropy among them."""
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    """How much it counts beside the cross-entropy over all classes."""

    def terms(self, logits: Tensor, targets: Tensor, counts: Tensor, akin: Tensor | None) -> Tensor:
        """-q_c log p_c + weight q_c log(1 + sum over h akin to c of exp(margin + z_h - z_c)), of each class c.

        Args:
            logits: (B, C).
            targets: (B, C) probabilities q.
            counts: (C,) training images; not asked.
            akin: (C, C) bool, whether two classes share an element; none is its own. None = no two do.

        Returns:
            (B, C) float32, in nats.
        """
        plain = CrossEntropySpec().terms(logits, targets, counts)
        if akin is None:
            return plain
        return plain + self.weight * targets * margin_terms(
            logits.float(), akin, self.margin, (targets != 0).any(dim=0)
        )


def margin_terms(logits: Tensor, akin: Tensor, margin: float, asked: Tensor) -> Tensor:
    """(B, C) log(1 + sum over h akin to c of exp(margin + z_h - z_c)); 0 for classes without kin and those not asked.

    Args:
        logits: (B, C) float32.
        akin: (C, C) bool.
        margin: In nats.
        asked: (C,) bool, of which classes it is wanted.
    """
    columns = torch.nonzero(asked & akin.any(dim=1))[:, 0]
    found = torch.zeros_like(logits)
    if not len(columns):
        return found
    pieces = cast(tuple[Tensor, ...], columns.split(max(1, AT_ONCE // max(1, logits.numel()))))
    return found.index_copy(1, columns, torch.cat([_margins(logits, akin[some], margin, some) for some in pieces], 1))


def _margins(logits: Tensor, akin: Tensor, margin: float, columns: Tensor) -> Tensor:
    """(B, K) of K of the classes."""
    over = margin + logits[:, None] - logits[:, columns, None]
    return torch.nn.functional.softplus(over.masked_fill(~akin, -torch.inf).logsumexp(dim=2))
