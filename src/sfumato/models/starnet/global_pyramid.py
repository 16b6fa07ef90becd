"""The global half of the dual pyramid: a block of a Transformer on each stage's map, that sees all of it at once."""

from collections.abc import Sequence

from torch import Tensor, nn

from sfumato.models.starnet.halving import halving
from sfumato.models.starnet.positions import Positions
from sfumato.models.starnet.transformer import TransformerBlock


class GlobalStage(nn.Module):
    """(B, channels, H, W) -> (B, D, H/2, W/2), rounded up.

    Args:
        channels: Of the stage before.
        width: D.
        heads: Of its attention.
        ratio: As for `TransformerBlock`.
    """

    def __init__(self, channels: int, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.halve = nn.Conv2d(channels, width, 3, stride=2, padding=1)
        self.place = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.block = TransformerBlock(width, heads, ratio)
        self._positions = Positions(width)

    def forward(self, images: Tensor) -> Tensor:
        """As the class says."""
        halved = self.halve(images)
        height, width = halved.shape[2:]
        places = self.place(self._positions(height, width, halved.device))
        tokens = self.block(self.norm(halved.flatten(2).transpose(1, 2) + places))
        return tokens.transpose(1, 2).unflatten(2, (height, width))


class GlobalPyramid(nn.Module):
    """A stem and stages; see `LocalPyramid` for what stands beside it.

    Args:
        widths: Channels of each stage; the stem has those of the first.
        heads: Of every attention.
        ratio: As for `TransformerBlock`.
    """

    def __init__(self, widths: Sequence[int], heads: int, ratio: int) -> None:
        super().__init__()
        before = (widths[0], *widths[:-1])
        self.stem = halving(3, widths[0])
        self.stages = nn.Sequential(
            *(GlobalStage(channels, width, heads, ratio) for channels, width in zip(before, widths, strict=True))
        )
