"""Asymmetric loss: of the many labels that an image has not, those that are already ruled out count less."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.losses.focal import Gamma
from sfumato.spec import Spec

MANY_LABELS = 20
"""Classes from which those that an image is not of would drown the few that it is of."""


class AsymmetricSpec(Spec):
    """Ridnik et al., Asymmetric Loss for Multi-Label Classification, ICCV 2021, eq. 4 to 7."""

    kind: Literal["asymmetric"] = "asymmetric"
    gamma_pos: Gamma = 0.0
    """How much less an image of the label counts the surer the network is of it; 0 = it never does."""
    gamma_neg: Gamma = 4.0
    """The same of an image that is not of it."""
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Probability below which an image that is not of the label counts nothing, 0 to below 1."""

    def label_terms(self, logits: Tensor, targets: Tensor, odds: Tensor) -> Tensor:  # noqa: ARG002  # all are called alike
        """-q (1 - p)^gamma_pos log p - (1 - q) p_m^gamma_neg log(1 - p_m), with p_m = max(p - margin, 0).

        Args:
            logits: (B, C).
            targets: (B, C) probabilities.
            odds: (C,), not asked.

        Returns:
            (B, C) float32, in nats.
        """
        z = logits.float()
        p = z.sigmoid()
        there = F.logsigmoid(z) * _power(1 - p, self.gamma_pos)
        if self.margin == 0:
            return -targets * there - (1 - targets) * F.logsigmoid(-z) * _power(p, self.gamma_neg)
        shifted = (p - self.margin).clamp(min=0)
        return -targets * there - (1 - targets) * (-shifted).log1p() * _power(shifted, self.gamma_neg)


def _power(share: Tensor, gamma: float) -> Tensor | float:
    """share^gamma, of finite slope at 0 too."""
    return 1.0 if gamma == 0 else share.clamp(min=1e-8) ** gamma
