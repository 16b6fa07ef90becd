"""Pictures of several classes each against the prototypes of all: every class that is there beats all that are not.

The contrast of a class p of a picture is cross-entropy against the classes that the picture is not of,

    -log( e^z_p / (e^z_p + sum over absent n of e^z_n) ),

so that two classes of one picture are never each other's negatives, and 0 can be reached whatever their number; the
mean is over the classes of a picture. Of one class a picture it is cross-entropy against the texts of all classes
(Radford et al., ICML 2021). Its negatives are the prototypes, not the pictures of a batch, so that pieces of a batch
add up to it exactly. Beside it stands eta times binary cross-entropy of each class by itself, which a threshold on a
probability needs. Both are of the same logits: what a picture's have in common cancels in the contrast alone.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from sfumato.losses.binary_cross_entropy import binary_terms
from sfumato.spec import Spec


class PrototypeContrastSpec(Spec):
    """Every class of a picture against those it is not of, and each class by itself; only for `model.kind:
    dual_encoder`, where an image may have several.
    """

    kind: Literal["prototype_contrast"] = "prototype_contrast"
    eta: Annotated[float, Field(ge=0, le=100)] = 0.2
    """How much binary cross-entropy, its mean over the classes, counts beside the contrast; 0 = not at all."""

    def label_terms(self, logits: Tensor, targets: Tensor, odds: Tensor) -> Tensor:  # noqa: ARG002  # all are called alike
        """Terms whose mean over the known labels is that of contrast + eta * binary cross-entropy over the pictures.

        A label that is not known is no one's negative. A picture without any class has no contrast, and the binary
        term alone. Where not every label of a picture is known, it counts by its share of known ones.

        Args:
            logits: (B, C).
            targets: (B, C) probabilities, nan where a label is not known. Of a mixed picture a class counts as there,
                and as absent, as far as it is.
            odds: (C,), not asked.

        Returns:
            (B, C) float32, in nats.
        """
        known, z, there = ~targets.isnan(), logits.float(), targets.nan_to_num()
        own = there / there.sum(dim=1, keepdim=True).clamp(min=1e-12)
        contrast = known.sum(dim=1, keepdim=True) * own * contrasts(z, ((1 - there) * known))
        return contrast + self.eta * binary_terms(z, there)


def contrasts(logits: Tensor, absent: Tensor) -> Tensor:
    """(B, C) nats by which each class, were it of its picture, would fall behind those that are absent.

    Args:
        logits: (B, C) float32.
        absent: (B, C) shares, 0 to 1, as which each class is a negative of the others; never of itself.
    """
    weighed = logits + absent.log()  # minus infinity where it is none
    most = weighed.amax(dim=1, keepdim=True).clamp(min=-1e30).detach()
    powers = (weighed - most).exp()
    others = (powers.sum(dim=1, keepdim=True) - powers).clamp(min=0)
    return torch.logaddexp(torch.zeros_like(logits), others.clamp(min=1e-38).log() + most - logits)
