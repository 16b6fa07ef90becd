"""Augmentation: random changes a picture may undergo without changing its class; a function of its generator alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, Tag, model_validator
from torch import Tensor
from torchvision.transforms.v2 import functional as F  # noqa: N812

from sfumato.data.flips import Flip, flipped
from sfumato.data.images import Pixels
from sfumato.data.preprocess import MODES, Preprocess, square, to_tensor
from sfumato.data.text_variation import TextVariationSpec
from sfumato.spec import Spec, kind_or

Share = Annotated[float, Field(ge=0, le=1)]


class AugmentSpec(Spec):
    """What may happen to a training image at full strength; the timeline's `augment` scales it from 0 to 1."""

    profile: Literal["photo", "chart", "radiograph"] = "photo"
    """What the pictures are. Others than photographs have other defaults, and refuse what would make such a picture say
    something else."""
    flips: tuple[Flip, ...] = ("horizontal",)
    """Mirrorings that leave the class as it is, each in half of the draws; whatever the strength, unless it is 0."""
    crop: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Least share of the picture's area that a random crop keeps; 1 = no crop."""
    aspect: Annotated[float, Field(ge=1, le=3)] = 1.33
    """Most that a crop is wider than high, or higher than wide, before it is bent to a square."""
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of its side by which the picture moves, either way; its edge is drawn out to fill what it leaves."""
    brightness: Share = 0.2
    """Brightness is multiplied by 1 plus or minus up to this."""
    contrast: Share = 0.2
    """Contrast is multiplied by 1 plus or minus up to this."""
    saturation: Share = 0.0
    """Colourfulness is multiplied by 1 plus or minus up to this."""
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Hue turns by up to this share of the colour circle, either way."""
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Degrees by which the picture turns, either way."""
    erase: Share = 0.0
    """Chance that a rectangle of 2 to 20 % of the area is greyed out."""
    texts: TextVariationSpec | None = None
    """What may happen to a training text; none = it stays what it is."""
    views: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Differently augmented pictures that are made of each image: epoch e shows number e mod views. With them a frozen
    backbone sees every picture once and no more; none = a new one each time."""


Refusals = Mapping[str, tuple[Callable[[Any], bool], str]]
"""Setting -> (which of its values are refused, why)."""
_MIRRORED = (bool, "a mirrored one shows something else")
_AT_THE_EDGE = "its title and legend stand at the edge"
CHART_REFUSES: Refusals = {
    "flips": _MIRRORED,
    "hue": (bool, "its colours are values"),
    "saturation": (bool, "its colours are values"),
    "crop": (lambda share: share < 0.9, _AT_THE_EDGE),
    "shift": (lambda share: share > 0.1, _AT_THE_EDGE),
    "rotate": (lambda degrees: degrees > 3, "its text and maps are upright"),
    "erase": (bool, _AT_THE_EDGE),
}
RADIOGRAPH_REFUSES: Refusals = {
    "flips": _MIRRORED,
    "hue": (bool, "it has no colours"),
    "saturation": (bool, "it has no colours"),
    "crop": (lambda share: share < 0.8, "it loses what it was taken of"),
}
REFUSALS: Mapping[str, Refusals] = {"photo": {}, "chart": CHART_REFUSES, "radiograph": RADIOGRAPH_REFUSES}
"""Profile -> what it refuses."""


class ChartAugmentSpec(AugmentSpec):
    """For charts, maps and plots: their text, their colours and the legend at their edge stay what they are."""

    profile: Literal["chart"] = "chart"  # pyright: ignore[reportIncompatibleVariableOverride]  # it is frozen
    """What the pictures are."""
    flips: tuple[Flip, ...] = ()
    """Refused: a mirrored chart shows something else."""
    crop: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Least share of the picture's area that a random crop keeps; below 0.9 is refused."""
    aspect: Annotated[float, Field(ge=1, le=3)] = 1.02
    """Most that a crop is wider than high, or higher than wide, before it is bent to a square."""
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    """Share of its side by which the picture moves, either way; its edge is drawn out to fill what it leaves. Above 0.1
    is refused."""
    brightness: Share = 0.1
    """Brightness is multiplied by 1 plus or minus up to this."""
    contrast: Share = 0.0
    """Contrast is multiplied by 1 plus or minus up to this."""
    force: tuple[Literal["flips", "crop", "shift", "saturation", "hue", "rotate", "erase"], ...] = ()
    """Settings that are meant although a chart refuses them."""

    @model_validator(mode="after")
    def _keep_its_meaning(self) -> Self:
        _refuse(self, CHART_REFUSES, self.force)
        return self


class RadiographAugmentSpec(AugmentSpec):
    """For X-rays and the like: they have a left and a right, and no colours."""

    profile: Literal["radiograph"] = "radiograph"  # pyright: ignore[reportIncompatibleVariableOverride]  # it is frozen
    """What the pictures are."""
    flips: tuple[Flip, ...] = ()
    """Refused: a mirrored radiograph shows something else."""
    crop: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Least share of the picture's area that a random crop keeps; below 0.8 is refused."""
    aspect: Annotated[float, Field(ge=1, le=3)] = 1.1
    """Most that a crop is wider than high, or higher than wide, before it is bent to a square."""
    force: tuple[Literal["flips", "crop", "saturation", "hue"], ...] = ()
    """Settings that are meant although a radiograph refuses them."""

    @model_validator(mode="after")
    def _keep_its_meaning(self) -> Self:
        _refuse(self, RADIOGRAPH_REFUSES, self.force)
        return self


AnyAugmentSpec = Annotated[
    Annotated[AugmentSpec, Tag("photo")]
    | Annotated[ChartAugmentSpec, Tag("chart")]
    | Annotated[RadiographAugmentSpec, Tag("radiograph")],
    kind_or("photo", "profile"),
]


def _refuse(spec: ChartAugmentSpec | RadiographAugmentSpec, refusals: Refusals, force: Sequence[str]) -> None:
    broken = {name: why for name, (refused, why) in refusals.items() if refused(getattr(spec, name))}
    for name, why in broken.items():
        if name not in force:
            raise ValueError(f"{name} on a {spec.profile}: {why}; leave it out, or force: [{name}]")
    idle = next((name for name in force if name not in broken), None)
    if idle is not None:
        raise ValueError(f"force has no effect: nothing refuses this {idle}")


def augment(
    pixels: Pixels, to: Preprocess, size: int, spec: AugmentSpec, strength: float, rng: np.random.Generator
) -> Tensor:
    """(H, W, 3) uint8 array -> (3, size, size) uint8 tensor; at strength 0 what validation sees at that size.

    Of (H, W, 1), a grey picture, (1, size, size): what each of three equal channels would be.
    """
    if strength == 0:
        return square(to_tensor(pixels), size, to.fit, to.interpolation)
    image = _crop(to_tensor(pixels), to, size, spec, strength, rng)
    image = _shift(image, round(spec.shift * strength * size), rng) if spec.shift else image
    image = _flip(image, spec, rng)
    if spec.rotate:
        image = F.rotate(image, float(rng.uniform(-1, 1)) * spec.rotate * strength, MODES["bilinear"], fill=[128.0])
    image = image.expand(3, -1, -1) if spec.saturation or spec.hue else image  # torchvision leaves one channel alone
    image = _colour(image, spec, strength, rng)
    return _erase(image, strength * spec.erase, rng)


def _crop(
    image: Tensor, to: Preprocess, size: int, spec: AugmentSpec, strength: float, rng: np.random.Generator
) -> Tensor:
    """A random window of the picture, resized to the square (Szegedy et al. 2015; torchvision's RandomResizedCrop)."""
    if spec.crop == 1:
        return square(image, size, to.fit, to.interpolation)
    if to.fit != "crop":
        image = square(image, max(size, min(image.shape[-2:])), to.fit, to.interpolation)
    height, width = image.shape[-2:]
    area = float(rng.uniform(1 - strength * (1 - spec.crop), 1)) * min(height, width) ** 2
    bend = math.log(spec.aspect) * strength
    aspect = math.exp(rng.uniform(-bend, bend))
    wide = min(width, max(1, round((area * aspect) ** 0.5)))
    high = min(height, max(1, round((area / aspect) ** 0.5)))
    top, left = int(rng.integers(0, height - high + 1)), int(rng.integers(0, width - wide + 1))
    return F.resized_crop(image, top, left, high, wide, [size, size], MODES[to.interpolation], antialias=True)


def _flip(image: Tensor, spec: AugmentSpec, rng: np.random.Generator) -> Tensor:
    for flip in spec.flips:
        if rng.random() < 0.5:
            image = flipped(image, flip)
    return image


def _shift(image: Tensor, most: int, rng: np.random.Generator) -> Tensor:
    size = image.shape[-1]
    top, left = rng.integers(0, 2 * most + 1, 2).tolist()
    return F.crop(F.pad(image, [most] * 4, padding_mode="edge"), top, left, size, size)


def _colour(image: Tensor, spec: AugmentSpec, strength: float, rng: np.random.Generator) -> Tensor:
    if spec.brightness:
        image = F.adjust_brightness(image, 1 + float(rng.uniform(-1, 1)) * spec.brightness * strength)
    if spec.contrast:
        image = _contrast(image, 1 + float(rng.uniform(-1, 1)) * spec.contrast * strength)
    if spec.saturation:
        image = F.adjust_saturation(image, 1 + float(rng.uniform(-1, 1)) * spec.saturation * strength)
    if spec.hue:
        image = F.adjust_hue(image, float(rng.uniform(-1, 1)) * spec.hue * strength)
    return image


def _contrast(image: Tensor, factor: float) -> Tensor:
    """As torchvision, which takes the mean of one channel otherwise than that of three equal ones."""
    if len(image) == 3:
        return F.adjust_contrast(image, factor)
    bright = image.mul(0.2989).add_(image, alpha=0.587).add_(image, alpha=0.114).floor_()  # ITU-R 601 luma
    return image.mul(factor).add_(bright.mean(), alpha=1 - factor).clamp_(0, 255).to(image.dtype)


def _erase(image: Tensor, chance: float, rng: np.random.Generator) -> Tensor:
    if not chance or rng.random() >= chance:
        return image
    size = image.shape[-1]
    area = float(rng.uniform(0.02, 0.2)) * size * size
    aspect = math.exp(rng.uniform(-1, 1))
    high, wide = min(size, max(1, round((area * aspect) ** 0.5))), min(size, max(1, round((area / aspect) ** 0.5)))
    top, left = int(rng.integers(0, size - high + 1)), int(rng.integers(0, size - wide + 1))
    image = image.clone()
    image[:, top : top + high, left : left + wide] = 128
    return image
