"""Backbones that give the features of every place of a picture, in the place of one vector: their maps before pooling.

Shapes: B batch, T places (tokens), D features, H and W places down and across.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn

from sfumato.errors import InputError


def unpool(backbone: nn.Module, name: str, image_size: int) -> int:
    """Take the pooling out of a timm backbone without classifier; return D, the features of a place.

    The weights it has stay as they are, so that pretrained ones fit.

    Args:
        backbone: As `build_backbone` makes it.
        name: Of its architecture, for errors.
        image_size: Side in pixels that it accepts.

    Raises:
        InputError: It has no map: it pools by weights of its own, or can't leave pooling out.
    """
    before, training = list(backbone.state_dict()), backbone.training
    try:
        cast(Any, backbone).reset_classifier(0, "")
    except (AssertionError, AttributeError, TypeError):  # as timm refuses, and what is not timm's
        raise _no_map(name) from None
    with torch.inference_mode():
        seen = backbone.eval()(torch.zeros(1, 3, image_size, image_size))
    backbone.train(training)
    width = int(getattr(backbone, "head_hidden_size", None) or cast(int, backbone.num_features))
    if seen.ndim not in (3, 4) or width not in seen.shape[1:] or list(backbone.state_dict()) != before:
        raise _no_map(name)
    return width


def tokens(seen: Tensor, width: int) -> Tensor:
    """(B, T, D) of a map (B, D, H, W), as of a CNN, or (B, H, W, D), as of Swin; what is (B, T, D) stays so.

    Args:
        seen: What an unpooled backbone gives.
        width: D.
    """
    if seen.ndim == 3:
        return seen
    return seen.flatten(2).transpose(1, 2) if seen.shape[1] == width else seen.flatten(1, 2)


def _no_map(name: str) -> InputError:
    what = f"{name} gives one vector an image and no map, which an ml_decoder head looks at"
    return InputError(what, setting="model.head", mend="take another backbone, or head: {kind: linear}")
