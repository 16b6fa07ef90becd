"""From decoded pixels to the square the network sees: the same for validation, prediction, service and export."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F  # noqa: N812

from sfumato.data.images import Pixels
from sfumato.spec import Spec
from sfumato.stored import read_stored, stored

Fit = Literal["crop", "pad", "stretch"]
Interpolation = Literal["bilinear", "bicubic"]
MODES = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}


class PreprocessSpec(Spec):
    """How an image of any shape becomes a square."""

    fit: Fit = "crop"
    """`crop` keeps the middle square; `pad` keeps everything, with grey bars; `stretch` keeps all and bends shapes."""
    interpolation: Interpolation | None = None
    """How pixels are resampled; none = as the backbone was trained."""


AboveZero = Annotated[float, Field(gt=0)]


@stored
@dataclass(frozen=True)
class Preprocess:
    """Decoded pixels -> (3, size, size) uint8. Stored as transform.json in the bundle."""

    size: Annotated[int, Field(ge=1, le=4096)]
    """Side of the square, pixels."""
    fit: Fit
    interpolation: Interpolation
    mean: tuple[float, float, float]
    """Per channel, on a scale of 0 to 1; the model subtracts it itself."""
    std: tuple[AboveZero, AboveZero, AboveZero]
    """Per channel, on a scale of 0 to 1; the model divides by it itself."""

    def __call__(self, pixels: Pixels) -> Tensor:
        """(H, W, 3) uint8 array -> (3, size, size) uint8 tensor."""
        return square(to_tensor(pixels), self.size, self.fit, self.interpolation)

    def box(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what the square holds of a picture, as shares of its width and height.

        Below 0 and above 1 is what is added to it: the bars of `pad`.
        """
        if self.fit == "stretch":
            return 0.0, 0.0, 1.0, 1.0
        side = min(height, width) if self.fit == "crop" else max(height, width)
        across, down = side / width / 2, side / height / 2
        return 0.5 - across, 0.5 - down, 0.5 + across, 0.5 + down

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, which `from_dict` reads back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "Preprocess":
        """Read a transform.json; `where` names it in errors."""
        return read_stored(cls, document, "a transform", where)


def to_tensor(pixels: Pixels) -> Tensor:
    """(H, W, 3) array -> (3, H, W) view of it."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)


def square(image: Tensor, size: int, fit: Fit, interpolation: Interpolation) -> Tensor:
    """(3, H, W) uint8 -> (3, size, size) uint8, resampled with antialiasing."""
    height, width = image.shape[-2:]
    if fit == "stretch" or height == width:
        return _resize(image, size, size, interpolation)
    if fit == "crop":
        short = min(height, width)
        return _resize(F.center_crop(image, [short, short]), size, size, interpolation)
    scale = size / max(height, width)
    high, wide = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (size - high) // 2, (size - wide) // 2
    inner = _resize(image, high, wide, interpolation)
    return F.pad(inner, [left, top, size - wide - left, size - high - top], fill=[PAD_GREY])


PAD_GREY = 128
"""Brightness of the bars of `pad`: the middle of the scale, near most models' zero."""


def _resize(image: Tensor, height: int, width: int, interpolation: Interpolation) -> Tensor:
    if image.shape[-2:] == (height, width):
        return image
    return F.resize(image, [height, width], interpolation=MODES[interpolation], antialias=True)
