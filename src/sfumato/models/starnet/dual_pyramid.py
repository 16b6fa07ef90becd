"""The dual pyramid: star blocks see what is near, Transformers everything; residual cascaded fusion (RCF) joins them.

Of each stage i with local map L and global map G, A = adapter(G) and share = sigmoid(w):

    from scratch   F = (1 - share) * L + share * A
    pretrained     F = L + share * A
    cascade        L + gamma * F is what the local stage i + 1 sees; F of the last stage is what is pooled

Shapes: B images, D channels of the last stage.
"""

from collections.abc import Iterable
from typing import Any, Protocol, cast

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sfumato.models.starnet.adapter import Adapter
from sfumato.models.starnet.global_pyramid import GlobalPyramid
from sfumato.models.starnet.initial import spread_out
from sfumato.models.starnet.local_pyramid import LocalPyramid
from sfumato.models.starnet.saving import run, run_one

WIDTHS, DEPTHS, RATIO, HEADS = (24, 48, 96, 192), (2, 2, 8, 3), 4, 4
SHARES = (0.3, 0.3, 0.4, 0.45)
"""w at first; their sigmoids are 0.57, 0.57, 0.60 and 0.61."""
SCALE = 0.01
"""Of the adapters at first, from scratch; beside pretrained weights it is 0."""


class Local(Protocol):
    """What a local pyramid has: those of timm's StarNet."""

    stem: nn.Sequential
    stages: Iterable[nn.Sequential]
    norm: nn.Module


class DualPyramid(nn.Module):
    """(B, 3, H, W) -> (B, 192).

    Args:
        local: The local pyramid, of the widths above; with `stem`, `stages` and `norm`.
        residual: Whether the global map is added to the local one, in place of a weighted mean of both.
        scale: Of the adapters at first.
    """

    def __init__(self, local: nn.Module, *, residual: bool, scale: float) -> None:
        super().__init__()
        self.local_pyramid = local
        self.global_pyramid = GlobalPyramid(WIDTHS, HEADS, RATIO)
        self.adapters = nn.ModuleList(Adapter(width, scale) for width in WIDTHS)
        self.shares = nn.Parameter(torch.tensor(SHARES))
        """(4,) w of each stage."""
        self.cascade = nn.Parameter(torch.zeros(len(WIDTHS)))
        """(4,) gamma of each stage; no stage follows the last, whose own has no effect."""
        self.residual = residual
        self.num_features = WIDTHS[-1]
        """Features of a picture, and of a place of its last map."""
        self._anew = False
        self._pooled = True

    def set_grad_checkpointing(self) -> None:
        """Compute activations anew in the backward pass, a block at a time."""
        self._anew = True

    def reset_classifier(self, classes: int, pool: str = "avg") -> None:
        """As timm's networks have it, of those without classifier: `pool` "" leaves the last map as it is."""
        if classes:
            raise AssertionError("there is no classifier")
        self._pooled = bool(pool)

    def maps(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> the fused map of each stage: (B, 24, H/4, W/4) to (B, 192, H/32, W/32), rounded up."""
        pyramid = cast(Local, self.local_pyramid)
        near = run_one(pyramid.stem, images, anew=self._anew)
        far = run_one(self.global_pyramid.stem, images, anew=self._anew)
        found: list[Tensor] = []
        for i, (local, wide) in enumerate(zip(pyramid.stages, self.global_pyramid.stages, strict=True)):
            before = near if not found else near + self.cascade[i - 1] * found[-1]
            near = run(local, before, anew=self._anew)
            far = run_one(wide, far, anew=self._anew)
            found.append(self._fused(i, near, far))
        return found

    def forward(self, images: Tensor) -> Tensor:
        """As the class says."""
        last = self.forward_features(images)
        return F.adaptive_avg_pool2d(last, 1).flatten(1) if self._pooled else last

    def forward_features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 192, H/32, W/32), as timm's networks name it."""
        return cast(Local, self.local_pyramid).norm(self.maps(images)[-1])

    def _fused(self, i: int, near: Tensor, far: Tensor) -> Tensor:
        share = torch.sigmoid(self.shares[i])
        adapted = run_one(self.adapters[i], far, anew=self._anew)
        return (near if self.residual else (1 - share) * near) + share * adapted


def from_scratch(drop_path: float) -> nn.Module:
    """`starnet_dual_pyramid_rcf`, 3,623,028 parameters, all random."""
    local = LocalPyramid(WIDTHS, DEPTHS, RATIO, drop_path)
    return spread_out(DualPyramid(local, residual=False, scale=SCALE))


def beside_pretrained(drop_path: float) -> nn.Module:
    """`starnet_dual_pyramid_rcf_pt`: timm's StarNet-S1 as the local half, whose features it gives at first."""
    local = timm.create_model("starnet_s1", num_classes=0, drop_path_rate=drop_path)
    return spread_out(DualPyramid(cast(Any, local), residual=True, scale=0.0))
