"""Side outputs of every block of a stage: Liu et al., Richer Convolutional Features for Edge Detection, CVPR 2017."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn


class SideOutput(nn.Module):
    """The maps of a stage's blocks, (B, channels, H, W) each -> (B, width): projected, added up, bent and pooled.

    Args:
        channels: Of the maps.
        depth: Blocks of the stage.
        width: Numbers of the result.
    """

    def __init__(self, channels: int, depth: int, width: int) -> None:
        super().__init__()
        self.sides = nn.ModuleList(nn.Conv2d(channels, width, 1, bias=False) for _ in range(depth))
        self.norm = nn.BatchNorm2d(width)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """As the class says."""
        projected: list[Tensor] = [side(one) for side, one in zip(self.sides, maps, strict=True)]
        return self.norm(reduce(torch.add, projected)).relu().mean(dim=(2, 3))


class SideOutputs(nn.Module):
    """The maps of all blocks, stage by stage -> (B, width): the stages' side outputs, weighted by a softmax.

    Args:
        widths: Channels of the maps of each stage.
        depths: Blocks of each stage.
        width: Numbers of the result.
    """

    def __init__(self, widths: Sequence[int], depths: Sequence[int], width: int) -> None:
        super().__init__()
        pairs = zip(widths, depths, strict=True)
        self.stages = nn.ModuleList(SideOutput(channels, depth, width) for channels, depth in pairs)
        self.shares = nn.Parameter(torch.zeros(len(widths)))
        """(stages,) before the softmax."""

    def forward(self, maps: Sequence[Sequence[Tensor]]) -> Tensor:
        """As the class says."""
        pooled_sbd = torch.stack([stage(blocks) for stage, blocks in zip(self.stages, maps, strict=True)])
        return torch.einsum("s,sbd->bd", self.shares.softmax(0), pooled_sbd)
