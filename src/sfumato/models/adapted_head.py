"""A head on a space that pictures share with texts: a vector a class, and a cache of pictures whose classes are known.

Every rung of `sfumato ladder` is such a head. Of zero-shot the vectors are the texts' and there is no cache.
Shapes: B pictures, C classes, I features of the backbone, E dimensions of the space, M pictures in the cache.
"""

from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sfumato.spec import Spec


class AdaptedHeadSpec(Spec):
    """What `sfumato ladder` leaves; no recipe can ask for it."""

    kind: Literal["adapted"] = "adapted"
    embed_dim: Annotated[int, Field(ge=1, le=65_536)]
    """Dimensions of the space."""
    keys: Annotated[int, Field(ge=0)] = 0
    """Pictures in the cache; 0 = there is none."""
    share: Annotated[float, Field(ge=0)] = 0.0
    """What a picture of the cache adds to the logits of its classes where it is the same as the one looked at."""
    sharpness: Annotated[float, Field(ge=0)] = 1.0
    """How fast that falls with the distance between them."""


class AdaptedHead(nn.Module):
    """logits = f W + b + share * exp(-sharpness (1 - f K)) V, of a projected picture f and keys K, all of length 1.

    Args:
        image_width: I.
        classes: C.
        spec: Sizes, and how the cache counts.
    """

    keys: Tensor
    values: Tensor

    def __init__(self, image_width: int, classes: int, spec: AdaptedHeadSpec) -> None:
        super().__init__()
        self.project = nn.Linear(image_width, spec.embed_dim)
        self.answer = nn.Linear(spec.embed_dim, classes)
        self.register_buffer("keys", torch.zeros(spec.keys, spec.embed_dim))
        self.register_buffer("values", torch.zeros(spec.keys, classes))
        self.share, self.sharpness = spec.share, spec.sharpness

    def forward(self, images_bi: Tensor) -> Tensor:
        """(B, I) features -> (B, C) float32."""
        pictures_be = self.project(images_bi)
        with torch.autocast(images_bi.device.type, enabled=False):  # in bf16 near angles would be the same one
            pictures_be = F.normalize(pictures_be.float(), dim=1)
            logits_bc = cast(Tensor, self.answer(pictures_be))
            if not len(self.keys):
                return logits_bc
            near_bm = torch.exp(-self.sharpness * (1 - pictures_be @ self.keys.T))
            return logits_bc + self.share * near_bm @ self.values
