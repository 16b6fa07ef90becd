"""StarNet-S1 with paths down and up again, and side outputs of all its blocks: the other reading of the name's RCF.

Down as in FPN (Lin et al., CVPR 2017), up as in PANet (Liu et al., CVPR 2018); for the sides see `side_outputs`.
"""

from collections.abc import Sequence
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sfumato.models.starnet.dual_pyramid import DEPTHS, WIDTHS, Local
from sfumato.models.starnet.halving import halving
from sfumato.models.starnet.initial import spread_out
from sfumato.models.starnet.saving import run_one
from sfumato.models.starnet.side_outputs import SideOutputs

WIDTH = 96
"""Channels of every map on the paths, and of the side outputs."""


class FpnPan(nn.Module):
    """(B, 3, H, W) -> (B, 192): the top of the path up, pooled, and the side outputs beside it.

    Args:
        trunk: timm's StarNet-S1, or another with its attributes, depths and widths.
    """

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.laterals = nn.ModuleList(_lateral(width) for width in WIDTHS)
        self.climbs = nn.ModuleList(halving(WIDTH, WIDTH) for _ in WIDTHS[1:])
        self.sides = SideOutputs(WIDTHS, DEPTHS, WIDTH)
        self._anew = False

    def set_grad_checkpointing(self) -> None:
        """Compute activations anew in the backward pass, a block at a time."""
        self._anew = True

    def maps(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> the map of each stage on the path up, (B, 96, H/4, W/4) to (B, 96, H/32, W/32)."""
        return self._up(self._down(self._blocks(images)))

    def forward(self, images: Tensor) -> Tensor:
        """As the class says."""
        blocks = self._blocks(images)
        top = self._up(self._down(blocks))[-1]
        return torch.cat([top.mean(dim=(2, 3)), self.sides(blocks)], dim=1)

    def _blocks(self, images: Tensor) -> list[list[Tensor]]:
        """The maps of all blocks, stage by stage; the very last is normed, as StarNet's own features are."""
        trunk, found = cast(Local, self.trunk), list[list[Tensor]]()
        images = run_one(trunk.stem, images, anew=self._anew)
        for stage in trunk.stages:
            halve, *blocks = stage
            images, outputs = run_one(halve, images, anew=self._anew), list[Tensor]()
            for block in blocks:
                images = run_one(block, images, anew=self._anew)
                outputs.append(images)
            found.append(outputs)
        found[-1][-1] = trunk.norm(found[-1][-1])
        return found

    def _down(self, blocks: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Each stage's last map, with all of those above it."""
        found: list[Tensor] = []
        for lateral, outputs in zip(reversed(self.laterals), reversed(blocks), strict=True):
            own = lateral(outputs[-1])
            found.append(own + F.interpolate(found[-1], own.shape[2:]) if found else own)
        return found[::-1]

    def _up(self, maps: list[Tensor]) -> list[Tensor]:
        """Each map, with all of those below it."""
        found = [maps[0]]
        for climb, own in zip(self.climbs, maps[1:], strict=True):
            found.append(own + climb(found[-1]))
        return found


def _lateral(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH))


def fpn_pan(drop_path: float) -> nn.Module:
    """`starnet_fpn_pan_rcf`, with random weights."""
    return spread_out(FpnPan(cast(Any, timm.create_model("starnet_s1", num_classes=0, drop_path_rate=drop_path))))
