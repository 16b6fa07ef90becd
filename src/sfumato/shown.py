"""What a network is shown of B samples that have texts beside their pictures."""

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal, cast

import torch
from torch import Tensor

PictureUse = Literal["first", "random", "mean_pool", "none"]
"""Which of several pictures of a sample are shown: the first, any one while training, all, or none of them."""
OfSeveral = Literal["first", "random", "mean_pool"]
"""The same where pictures are looked at."""


@dataclass(frozen=True)
class Shown:
    """Pictures and texts of B samples, some of which may lack either.

    A network that looks at pictures alone is shown the plain (B, 3, H, W) tensor instead.
    """

    images: Tensor
    """(P, 3, H, W) uint8, or floats in 0 to 255: the pictures of the first sample, then those of the next."""
    pictures: tuple[int, ...]
    """(B) how many of the P each sample has; 0 = none."""
    texts: tuple[str, ...]
    """(B) each cleaned; "" = none."""
    kept: Tensor | None = None
    """(B, C) bool, the classes that may be answered: the logits of others are not asked for, and may be any
    that are finite; None = all."""

    def __len__(self) -> int:
        return len(self.texts)

    def to(self, device: torch.device) -> "Shown":
        """The same with its pictures on a device."""
        return replace(self, images=self.images.to(device))

    def tensor_split(self, pieces: int) -> list["Shown"]:
        """Its samples in pieces, as torch's `tensor_split` cuts B rows."""
        ends = [0, *accumulate(self.pictures)]
        rows = [(int(piece[0]), int(piece[-1]) + 1) for piece in torch.arange(len(self)).tensor_split(pieces)]
        return [
            Shown(
                self.images[ends[begin] : ends[end]],
                self.pictures[begin:end],
                self.texts[begin:end],
                None if self.kept is None else self.kept[begin:end],
            )
            for begin, end in rows
        ]

    @property
    def owners(self) -> Tensor:
        """(P,) which of the B samples each picture belongs to."""
        return torch.arange(len(self)).repeat_interleave(torch.tensor(self.pictures, dtype=torch.int64))


def whole(images: Tensor) -> Shown:
    """B pictures, one a sample, without texts."""
    return Shown(images, (1,) * len(images), ("",) * len(images))


def with_black(shown: Shown) -> Shown:
    """The same with a black picture for every sample that has none."""
    if all(shown.pictures):
        return shown
    black = shown.images.new_zeros(1, *shown.images.shape[1:])
    counts = [count for count in shown.pictures if count]
    turn = iter(cast(tuple[Tensor, ...], shown.images.split(counts)) if counts else ())
    images = torch.cat([next(turn) if count else black for count in shown.pictures])
    return replace(shown, images=images, pictures=tuple(max(1, count) for count in shown.pictures))
