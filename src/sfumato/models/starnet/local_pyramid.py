"""The local half of the dual pyramid: a StarNet of its own make, that sees what is near."""

from collections.abc import Sequence
from typing import cast

from timm.layers.drop import calculate_drop_path_rates
from torch import nn

from sfumato.models.starnet.halving import halving
from sfumato.models.starnet.star_block import StarBlock


class LocalPyramid(nn.Module):
    """Stem, stages and last norm, as timm names them in its StarNet, so that either can be the local half.

    Args:
        widths: Channels of each stage; the stem has those of the first.
        depths: Blocks of each stage.
        ratio: As for `StarBlock`.
        drop_path: Share of samples that skip the last block while training; it grows linearly from 0 at the first.
    """

    def __init__(self, widths: Sequence[int], depths: Sequence[int], ratio: int, drop_path: float) -> None:
        super().__init__()
        rates = iter(cast(list[float], calculate_drop_path_rates(drop_path, sum(depths))))
        before = (widths[0], *widths[:-1])
        self.stem = halving(3, widths[0])
        stages = [
            nn.Sequential(halving(channels, width), *(StarBlock(width, ratio, next(rates)) for _ in range(depth)))
            for channels, width, depth in zip(before, widths, depths, strict=True)
        ]
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(widths[-1])
