"""Backbones: any timm model without its classifier, or an encoder of our own, and what it expects of its input."""

from dataclasses import dataclass
from typing import Any, Literal, cast

import timm
from timm.layers.drop import DropPath
from torch import nn

from sfumato.errors import InputError, nearest_name
from sfumato.models.starnet.encoders import ENCODERS

Triple = tuple[float, float, float]
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Expects:
    """What the backbone was trained on."""

    image_size: int
    """Side in pixels."""
    mean: Triple
    std: Triple
    interpolation: Literal["bilinear", "bicubic"]


def build_backbone(name: str, drop_path: float = 0.0, image_size: int | None = None) -> nn.Module:
    """A backbone with random weights that maps (B, 3, H, W) to (B, num_features).

    Args:
        name: timm's name of the architecture, without a weight tag, or one of `ENCODERS`.
        drop_path: Share of residual branches skipped at random while training; not every model has them.
        image_size: Side in pixels the model must accept, for models whose position table has a size; None = its own.

    Raises:
        InputError: Nobody knows the name, or the model has no residual branches to drop.
    """
    check_name(name)
    if name in ENCODERS:
        return ENCODERS[name].build(drop_path)
    options: dict[str, Any] = {"drop_path_rate": drop_path} if drop_path else {}
    try:
        backbone = create(name, image_size, **options)
    except TypeError:
        if not drop_path:
            raise
        raise _no_drop_path(name) from None
    if drop_path and not any(isinstance(module, DropPath) for module in backbone.modules()):
        raise _no_drop_path(name)  # many architectures take the option and ignore it
    return backbone


def create(name: str, image_size: int | None, **options: Any) -> nn.Module:
    """A timm model without classifier that accepts images of a size, by whichever option its family has for that.

    Args:
        name: timm's name, with a weight tag or without.
        image_size: Side in pixels; None = its own.
        options: More of timm's.
    """
    if not fixed_size(name):
        return timm.create_model(name, num_classes=0, **options)
    try:
        return timm.create_model(name, num_classes=0, dynamic_img_size=True, **options)
    except TypeError as error:
        if "dynamic_img_size" not in str(error):
            raise
    return timm.create_model(name, num_classes=0, img_size=image_size, **options)


def with_classifier(name: str) -> nn.Module:
    """The architecture as it is published: timm's with their original classifier, our own with none."""
    return ENCODERS[name].build(0.0) if name in ENCODERS else timm.create_model(name)


def pretrained_part(backbone: nn.Module, name: str) -> tuple[nn.Module, str]:
    """What of a backbone there are pretrained weights for, and timm's name of that: all of it, but for encoders."""
    part = ENCODERS[name].part if name in ENCODERS else None
    return (backbone, name) if part is None else (backbone.get_submodule(part), ENCODERS[name].of)


def _known(name: str) -> bool:
    return "." not in name and (name in ENCODERS or timm.is_model(name))


def _no_drop_path(name: str) -> InputError:
    return InputError(f"has no effect on {name}, which has no residual branches to skip", setting="model.drop_path")


def check_name(name: str) -> None:
    """Refuse a name that is no architecture, naming the nearest."""
    if _known(name):
        return
    plain = name.split(".", maxsplit=1)[0]
    if "." in name and _known(plain):
        tag = name.removeprefix(f"{plain}.")
        raise InputError(
            f"{name!r} names weights too",
            setting="model.backbone",
            mend=f"write backbone: {plain} and weights: {{tag: {tag}}}",
        )
    raise InputError(
        f"timm has no {name!r}",
        setting="model.backbone",
        nearest=nearest_name(name, [*timm.list_models(), *ENCODERS]),
        mend="python -c \"import timm; print(timm.list_models('*resnet*'))\" lists what it has",
    )


def fixed_size(name: str) -> bool:
    """Whether the architecture has a position table of one size."""
    return bool(_pretrained_cfg(name).get("fixed_input_size"))


def expects(name: str) -> Expects:
    """What the named backbone was trained on, without building it."""
    check_name(name)
    config = _pretrained_cfg(name)
    size = cast(tuple[int, int, int], config.get("input_size", (3, 224, 224)))[-1]
    mean, std = cast(Triple, config.get("mean", IMAGENET_MEAN)), cast(Triple, config.get("std", IMAGENET_STD))
    bilinear = config.get("interpolation") == "bilinear"
    return Expects(size, mean, std, "bilinear" if bilinear else "bicubic")


def _pretrained_cfg(name: str) -> dict[str, Any]:
    config = cast(Any, timm.get_pretrained_cfg((ENCODERS[name].of or name) if name in ENCODERS else name))
    return cast(dict[str, Any], config.to_dict()) if config is not None else {}
