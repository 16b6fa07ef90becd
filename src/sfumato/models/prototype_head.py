"""The head of a dual encoder: pictures and class texts projected into one space, compared by angle, times a scale.

Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, section 2.3 and 2.4.
Shapes: B pictures, K texts, C classes, I and T features of the towers, E dimensions of the space both share.
"""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sfumato.spec import Spec

MOST_SCALE = 100.0
"""Greatest factor between a cosine and a logit: a temperature of 0.01, as CLIP clips it."""


class PrototypeHeadSpec(Spec):
    """Projections of both towers into one space, and a learnt temperature; only of a dual encoder."""

    kind: Literal["prototypes"] = "prototypes"
    embed_dim: Annotated[int, Field(ge=1, le=65_536)] = 512
    """Dimensions of the space that pictures and texts share."""
    temperature: Annotated[float, Field(ge=1 / MOST_SCALE, le=100)] = 0.07
    """What cosines are divided by at first; it is learnt, and never falls below 0.01."""


class PrototypeHead(nn.Module):
    """logits = exp(log_scale) * cos(projected picture, prototype of the class).

    Args:
        image_width: I.
        text_width: T.
        spec: Size of the space, and the temperature at first.
    """

    def __init__(self, image_width: int, text_width: int, spec: PrototypeHeadSpec) -> None:
        super().__init__()
        self.image = nn.Linear(image_width, spec.embed_dim)
        self.text = nn.Linear(text_width, spec.embed_dim)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(spec.temperature)))

    def forward(self, images_bi: Tensor, texts_kt: Tensor, own_ck: Tensor) -> Tensor:
        """(B, I) and (K, T) features, (C, K) 1 where a text is of a class, else 0 -> (B, C) float32."""
        pictures_be = self.image(images_bi)
        with torch.autocast(images_bi.device.type, enabled=False):  # in bf16 near angles would be the same one
            cosine_bc = F.normalize(pictures_be.float(), dim=1) @ self.prototypes(texts_kt.float(), own_ck).T
            return self.log_scale.exp() * cosine_bc

    def prototypes(self, texts_kt: Tensor, own_ck: Tensor) -> Tensor:
        """(C, E) of length 1: the mean direction of each class's projected texts, none counting by its length."""
        return F.normalize(own_ck @ F.normalize(self.text(texts_kt), dim=1), dim=1)

    @torch.no_grad()
    def constrain(self) -> None:
        """Keep the scale at `MOST_SCALE` or below, in place, so that its gradient can bring it down again."""
        self.log_scale.clamp_(max=math.log(MOST_SCALE))
