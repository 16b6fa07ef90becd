"""The classifier: pixels -> normalise -> backbone -> head -> logits.

Shapes: B batch, C classes, D features, H and W pixels.
"""

from typing import Annotated, Any, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from sfumato.models.backbone import Triple, build_backbone
from sfumato.models.feature_map import tokens, unpool
from sfumato.models.heads import Head, LinearHeadSpec, PictureHeadSpec, reads_map
from sfumato.models.network import Network
from sfumato.models.weights import WeightsSpec
from sfumato.shown import PictureUse, Shown
from sfumato.spec import Spec
from sfumato.tasks import Outputs


class ModelSpec(Spec):
    """Backbone and head."""

    kind: Literal["image"] = "image"
    backbone: Annotated[str, Field(min_length=1)]
    """Any timm architecture, such as resnet50, convnext_tiny or vit_small_patch16_224, or one of docs/starnet.md."""
    weights: WeightsSpec = "timm"
    """Where the backbone starts from."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of residual branches skipped at random while training, growing with depth."""
    head: PictureHeadSpec = LinearHeadSpec()
    """What stands on the backbone."""

    @property
    def pictures(self) -> PictureUse:
        """Which of several pictures of a sample it is shown."""
        return "first"

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return self.backbone


class Classifier(Network):
    """Images to one logit a class of each task. Parameter names begin with `backbone.` or `head.`."""

    backbone: nn.Module

    def __init__(
        self, backbone: nn.Module, head: Head, width: int, classes: Outputs, mean: Triple, std: Triple
    ) -> None:
        super().__init__({"backbone": backbone}, head, width, classes, mean, std)

    def features(self, shown: Tensor | Shown) -> Tensor:
        """(B, 3, H, W), uint8 or floats in 0 to 255 -> (B, D): what the head sees; texts are not looked at.

        Where the head looks at a map it is (B, T, D), the features of every place.
        """
        images = shown.images if isinstance(shown, Shown) else shown
        seen = self.backbone(self.normalised(images))
        return tokens(seen, self.width) if reads_map(self.head_spec) else seen

    def towers(self) -> tuple[nn.Module, ...]:
        """The backbone."""
        return (self.backbone,)

    def undecayed(self) -> set[str]:
        """What the backbone itself names: position tables and class tokens."""
        return undecayed_in(self.backbone, "backbone")


def undecayed_in(tower: nn.Module, name: str) -> set[str]:
    """Names of the parameters of a timm model that it asks to be left undecayed; `name` is what it is called here."""
    names = getattr(tower, "no_weight_decay", None)
    return {f"{name}.{own}" for own in cast(set[str], names())} if callable(names) else set()


def build_classifier(spec: ModelSpec, classes: Outputs, image_size: int, mean: Triple, std: Triple) -> Classifier:
    """A classifier with random weights, laid out channels last.

    Args:
        spec: Backbone and head; its `weights` are not read.
        classes: Number of logits; of each task, where there are several.
        image_size: Side in pixels the model must accept.
        mean: Subtracted from the pixels, per channel, on a scale of 0 to 1.
        std: The pixels are divided by it, per channel, on a scale of 0 to 1.
    """
    backbone = build_backbone(spec.backbone, spec.drop_path, image_size)
    mapped = reads_map(spec.head)
    width = unpool(backbone, spec.backbone, image_size) if mapped else width_of(backbone, image_size)
    return Classifier(backbone, spec.head, width, classes, mean, std).to(memory_format=cast(Any, torch.channels_last))


def width_of(backbone: nn.Module, image_size: int) -> int:
    """Features a backbone gives an image; asked of the backbone itself, since timm's attributes differ by family."""
    training = backbone.training
    with torch.inference_mode():
        width = backbone.eval()(torch.zeros(1, 3, image_size, image_size)).shape[1]
    backbone.train(training)
    return int(width)
