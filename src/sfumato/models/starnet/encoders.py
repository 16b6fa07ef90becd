"""The encoders by the names that `model.backbone` knows them by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from sfumato.models.starnet.dual_pyramid import beside_pretrained, from_scratch
from sfumato.models.starnet.fpn_pan import fpn_pan


@dataclass(frozen=True)
class Encoder:
    """An encoder and what of it can be pretrained."""

    build: Callable[[float], nn.Module]
    """Share of residual branches skipped while training -> (B, 3, H, W) to (B, 192), with random weights."""
    part: str | None = None
    """The part of it that is a network of timm; None = nothing is."""
    of: str = ""
    """timm's name of that network."""


ENCODERS: Mapping[str, Encoder] = {
    "starnet_dual_pyramid_rcf": Encoder(from_scratch),
    "starnet_dual_pyramid_rcf_pt": Encoder(beside_pretrained, "local_pyramid", "starnet_s1"),
    "starnet_fpn_pan_rcf": Encoder(fpn_pan, "trunk", "starnet_s1"),
}
