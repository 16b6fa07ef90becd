"""Building what a ladder left: an image encoder of timm's or OpenCLIP's, below its head."""

import json
from typing import Any, cast

import torch
from torch import nn

from sfumato.models.adapted import AdaptedSpec
from sfumato.models.backbone import Triple, build_backbone
from sfumato.models.classifier import Classifier, width_of
from sfumato.models.clip import CONFIG, ClipTowersSpec, build_towers
from sfumato.tasks import Outputs


def build_adapted(spec: AdaptedSpec, classes: Outputs, image_size: int, mean: Triple, std: Triple) -> Classifier:
    """A network with random weights; arguments as for `build_classifier`."""
    backbone = _backbone(spec, image_size)
    model = Classifier(backbone, spec.head, width_of(backbone, image_size), classes, mean, std)
    return model.to(memory_format=cast(Any, torch.channels_last))


def _backbone(spec: AdaptedSpec, image_size: int) -> nn.Module:
    if spec.clip is None:
        return build_backbone(spec.backbone, 0.0, image_size)
    files = {CONFIG: json.dumps(spec.clip).encode()}
    return build_towers(ClipTowersSpec(name=spec.backbone), image_size, files)[0]
