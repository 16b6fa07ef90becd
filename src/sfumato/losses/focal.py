"""Focal loss: samples that are already told apart count less."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.losses.binary_cross_entropy import binary_terms
from sfumato.spec import Spec

Gamma = Annotated[float, Field(ge=0, le=20)]


class FocalSpec(Spec):
    """Lin et al., Focal Loss for Dense Object Detection, ICCV 2017; its alpha is the timeline's `class_weights`."""

    kind: Literal["focal"] = "focal"
    gamma: Gamma = 2.0
    """How much less sure answers count; 0 = cross-entropy."""

    def terms(self, logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:  # noqa: ARG002  # all losses are called alike
        """-q_c |q_c - p_c|^gamma log p_c of each class: (B, C) -> (B, C) float32, in nats."""
        return focal_terms(logits, targets, self.gamma)

    def label_terms(self, logits: Tensor, targets: Tensor, odds: Tensor) -> Tensor:  # noqa: ARG002
        """|q - p|^gamma times binary cross-entropy, of each label: (B, C) -> (B, C) float32, in nats.

        Of hard targets it is torchvision's `sigmoid_focal_loss` without its alpha.
        """
        terms = binary_terms(logits, targets)
        if self.gamma == 0:
            return terms
        return (targets - logits.float().sigmoid()).abs().clamp(min=1e-8) ** self.gamma * terms


def focal_terms(logits: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """The focal loss of soft targets (Li et al., Generalized Focal Loss, NeurIPS 2020, eq. 6).

    For a hard target it is (1 - p_t)^gamma log p_t. With (1 - p)^gamma, a mixed picture that is answered in just its
    proportions would count as a hard one. p never contains class weights.

    Args:
        logits: (B, C).
        targets: (B, C) probabilities.
        gamma: At least 0.
    """
    log_p = F.log_softmax(logits.float(), dim=1)
    if gamma == 0:
        return -targets * log_p
    # a base of 0 has no finite slope below gamma 1
    distance = (targets - log_p.exp()).abs().clamp(min=1e-8)
    return -targets * distance**gamma * log_p
