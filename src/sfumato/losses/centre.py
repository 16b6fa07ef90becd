"""Centre loss: features of one class drawn towards their centre."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.spec import Spec


class CentreLossSpec(Spec):
    """Wen et al., A Discriminative Feature Learning Approach for Deep Face Recognition, ECCV 2016."""

    weight: Annotated[float, Field(gt=0)] = 0.01
    """Of the centre loss beside the classification loss."""
    rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    """How far a step moves a centre towards its features: the paper's alpha."""
    form: Literal["half", "whole"] = "half"
    """`half` = half the squared distance, as in the paper; `whole` = all of it, a compatibility setting."""


class Centres:
    """One centre a class, moved by its own rule and never by gradients."""

    def __init__(self, centres: Tensor, *, unit: bool) -> None:
        self.tensor = centres.detach().clone()
        """(C, D) float32."""
        self.unit = unit
        """Whether features are scaled to length 1 first, as a cosine head sees them."""

    def features(self, features: Tensor) -> Tensor:
        """(B, D) features as they are compared with the centres."""
        return F.normalize(features.float(), dim=1) if self.unit else features.float()

    def losses(self, features: Tensor, targets: Tensor, spec: CentreLossSpec) -> Tensor:
        """(B,) half the squared distance of (B, D) features to the centres of (B,) classes, times the weight: eq. 2.

        A target below 0 is an unknown class, and its loss 0.
        """
        apart = self.features(features) - self.tensor[targets.clamp(min=0)]
        share = spec.weight if spec.form == "whole" else spec.weight / 2
        return share * (targets >= 0) * apart.square().sum(dim=1)

    @torch.no_grad()
    def offsets(self, features: Tensor, targets: Tensor) -> Tensor:
        """(C, D + 1): of each class the sum of c - x over its samples, and how many they are; batches add up."""
        known = targets >= 0
        x, y = self.features(features)[known], targets[known]
        apart = torch.cat([self.tensor[y] - x, torch.ones_like(x[:, :1])], dim=1)
        return torch.zeros(len(self.tensor), apart.shape[1], device=x.device).index_add_(0, y, apart)

    def move(self, offsets: Tensor, rate: float) -> None:
        """C <- c - rate * sum(c - x) / (1 + n): eq. 4, with the sums of `offsets`."""
        self.tensor -= rate * offsets[:, :-1] / (1 + offsets[:, -1:])
