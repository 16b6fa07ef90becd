"""The block of StarNet, which multiplies two projections with each other: Ma et al., Rewrite the Stars, CVPR 2024."""

from timm.layers.drop import DropPath
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class StarBlock(nn.Module):
    """(B, D, H, W) -> (B, D, H, W); convolutions without bias, and ReLU where the paper has ReLU6.

    Args:
        width: Channels, D.
        ratio: Channels of either factor of the product, in D.
        drop_path: Share of samples that skip the block at random while training.
    """

    def __init__(self, width: int, ratio: int, drop_path: float) -> None:
        super().__init__()
        wide = ratio * width
        self.gather = nn.Sequential(_depthwise(width), nn.BatchNorm2d(width))
        self.left = nn.Conv2d(width, wide, 1, bias=False)
        self.right = nn.Conv2d(width, wide, 1, bias=False)
        self.narrow = nn.Sequential(nn.Conv2d(wide, width, 1, bias=False), nn.BatchNorm2d(width))
        self.spread = _depthwise(width)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """As the class says."""
        gathered = self.gather(images)
        star = F.relu(self.left(gathered)) * self.right(gathered)
        return images + self.drop_path(self.spread(self.narrow(star)))


def _depthwise(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 7, padding=3, groups=width, bias=False)
