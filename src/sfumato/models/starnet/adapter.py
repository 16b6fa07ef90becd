"""What lets a map of the global pyramid into the local one."""

import torch
from torch import Tensor, nn


class Adapter(nn.Module):
    """s * norm(conv(norm(conv(G)) + G)), (B, D, H, W) -> (B, D, H, W): 1 x 1 convolutions, norms over all channels.

    Args:
        width: D.
        scale: s at first; it is learnt.
    """

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.GroupNorm(1, width))
        self.second = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.GroupNorm(1, width))
        self.scale = nn.Parameter(torch.tensor([scale]))

    def forward(self, images: Tensor) -> Tensor:
        """As the class says."""
        return self.scale * self.second(self.first(images) + images)
