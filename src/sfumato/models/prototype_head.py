"""The head of a dual encoder: pictures and class texts in one space, compared by angle, times a scale.

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
WIDTH, TEMPERATURE = 512, 0.07
"""Of a space in which nothing met before; the temperature is that which CLIP begins with."""


class PrototypeHeadSpec(Spec):
    """Projections of both towers into one space, and a learnt temperature; only of a dual encoder."""

    kind: Literal["prototypes"] = "prototypes"
    embed_dim: Annotated[int, Field(ge=1, le=65_536)] | None = None
    """Dimensions of the space that pictures and texts share; none = 512, or those in which OpenCLIP's towers meet."""
    temperature: Annotated[float, Field(ge=1 / MOST_SCALE, le=100)] | None = None
    """What cosines are divided by at first; it is learnt, and never falls below 0.01. None = 0.07, or CLIP's own."""
    midpoint: Literal["fitted"] | Annotated[float, Field(ge=-1, le=1)] | None = None
    """Only where an image may have several classes: the cosine at which a class is as likely as not, at first; it is
    learnt. `fitted` = where the mean probability over some training images is the share of their labels, which is what
    none stands for there. A bias of minus it, times the scale."""


class PrototypeHead(nn.Module):
    """logits = exp(log_scale) * (cos(projected picture, prototype of the class) - midpoint).

    Args:
        image_width: I.
        text_width: T.
        spec: Size of the space, the temperature and the midpoint at first.
        shared: Whether the towers meet in a space already, I = T = E: pictures are then turned in it by a matrix that
            begins as the identity and learns, and texts stay where they are.
    """

    midpoint: nn.Parameter | None

    def __init__(self, image_width: int, text_width: int, spec: PrototypeHeadSpec, *, shared: bool = False) -> None:
        super().__init__()
        self.image = _identity(image_width) if shared else nn.Linear(image_width, spec.embed_dim or WIDTH)
        self.text = nn.Identity() if shared else nn.Linear(text_width, spec.embed_dim or WIDTH)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(spec.temperature or TEMPERATURE)))
        begins = spec.midpoint if isinstance(spec.midpoint, float) else 0.0
        self.register_parameter("midpoint", None if spec.midpoint is None else nn.Parameter(torch.tensor(begins)))

    def forward(self, images_bi: Tensor, texts_kt: Tensor, own_ck: Tensor) -> Tensor:
        """(B, I) and (K, T) features, (C, K) 1 where a text is of a class, else 0 -> (B, C) float32."""
        pictures_be = self.directions(images_bi)
        with torch.autocast(images_bi.device.type, enabled=False):  # in bf16 near angles would be the same one
            cosine_bc = pictures_be @ self.prototypes(texts_kt.float(), own_ck).T
            return self.log_scale.exp() * (cosine_bc if self.midpoint is None else cosine_bc - self.midpoint)

    def directions(self, images_bi: Tensor) -> Tensor:
        """(B, E) of length 1: where pictures lie in the shared space."""
        pictures_be = self.image(images_bi)
        with torch.autocast(images_bi.device.type, enabled=False):
            return F.normalize(pictures_be.float(), dim=1)

    def prototypes(self, texts_kt: Tensor, own_ck: Tensor) -> Tensor:
        """(C, E) of length 1: the mean direction of each class's projected texts, none counting by its length."""
        return F.normalize(own_ck @ F.normalize(self.text(texts_kt), dim=1), dim=1)

    @torch.no_grad()
    def constrain(self) -> None:
        """Keep the scale at `MOST_SCALE` or below, in place, so that its gradient can bring it down again."""
        self.log_scale.clamp_(max=math.log(MOST_SCALE))


def _identity(width: int) -> nn.Linear:
    layer = nn.Linear(width, width, bias=False)
    nn.init.eye_(layer.weight)
    return layer
