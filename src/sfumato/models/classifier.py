"""The classifier: pixels -> normalise -> backbone -> head -> logits.

Shapes: B batch, C classes, D features, H and W pixels.
"""

from collections.abc import Iterable
from typing import Annotated, Any, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from sfumato.errors import InputError
from sfumato.models.backbone import Triple, build_backbone
from sfumato.models.heads import Head, HeadSpec, LinearHeadSpec, build_head
from sfumato.models.weights import WeightsSpec, load_weights
from sfumato.spec import Spec
from sfumato.tasks import Outputs


class ModelSpec(Spec):
    """Backbone and head."""

    backbone: Annotated[str, Field(min_length=1)]
    """Any timm architecture, such as resnet50, convnext_tiny or vit_small_patch16_224."""
    weights: WeightsSpec = "timm"
    """Where the backbone starts from."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of residual branches skipped at random while training, growing with depth."""
    head: HeadSpec = LinearHeadSpec()
    """What stands on the backbone."""


UNCERTAINTY = "uncertainty"
"""Name of the parameter that weighs the tasks' losses; only training needs it."""
HINT = "hint"
"""Name of what projects features onto those of a teacher; only training needs it."""


def needed(name: str) -> bool:
    """Whether a parameter of this name is needed to answer, and not by training alone."""
    return name != UNCERTAINTY and not name.startswith(f"{HINT}.")


class Classifier(nn.Module):
    """Images to one logit a class of each task. Parameter names begin with `backbone.` or `head.`; see `needed`."""

    def __init__(
        self, backbone: nn.Module, head: Head, width: int, classes: Outputs, mean: Triple, std: Triple
    ) -> None:
        super().__init__()
        self.width = width
        """Features of an image, D."""
        self.outputs = classes
        """What the head is built for."""
        self.classes = classes if isinstance(classes, int) else sum(classes.values())
        """Logits of an image, C."""
        self.backbone = backbone
        self.head_spec = head
        """What the head was built from."""
        self.head = build_head(head, width, classes)
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.uncertainty: nn.Parameter | None
        self.register_parameter(UNCERTAINTY, None)
        self.hint: nn.Linear | None = None

    def learn_uncertainty(self) -> None:
        """Have a logarithm of each task's variance learnt beside the weights, (T,), by which losses are weighed."""
        tasks = 1 if isinstance(self.outputs, int) else len(self.outputs)
        self.uncertainty = nn.Parameter(torch.zeros(tasks))

    def learn_hint(self, width: int) -> None:
        """Have a projection of the D features onto `width` of a teacher's learnt beside the weights."""
        self.hint = nn.Linear(self.width, width, bias=False)

    def logits(self, images: Tensor) -> Tensor:
        """(B, 3, H, W), uint8 or floats in 0 to 255 -> (B, C) float32."""
        return self(images)[1]

    def features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W), uint8 or floats in 0 to 255 -> (B, D): what the head sees."""
        mean, std = cast(Tensor, self.mean), cast(Tensor, self.std)
        return self.backbone((images - mean) / std)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W), uint8 or floats in 0 to 255 -> (B, D) features and (B, C) float32 logits.

        What has two dimensions are features, computed before.
        """
        features_bd = images if images.ndim == 2 else self.features(images)
        return features_bd, self.head(features_bd).float()

    def replace_head(self, spec: Head) -> None:
        """Put another head, with random weights, where the present one is."""
        where = next(self.parameters()).device
        self.head_spec = spec
        self.head = build_head(spec, self.width, self.outputs).to(where)


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
    width = _width(backbone, image_size)
    return Classifier(backbone, spec.head, width, classes, mean, std).to(memory_format=cast(Any, torch.channels_last))


def load_pretrained(model: Classifier, spec: ModelSpec, image_size: int) -> str:
    """Put the recipe's pretrained weights into the backbone; return where they came from."""
    return load_weights(model.backbone, spec.backbone, spec.weights, image_size)


def check_sizes(model: Classifier, sizes: Iterable[int], name: str, setting: str = "timeline") -> None:
    """Refuse image sizes that the backbone can't take, before anything is trained.

    Raises:
        InputError: With the backbone's own words, and the nearest sizes that it takes.
    """
    training = model.training
    model.eval()
    for size in sizes:
        reason = _refusal(model, size)
        if reason is not None:
            near = [_nearest(model, size, step) for step in (-1, 1)]
            expected = " or ".join(f"{one} px" for one in near if one is not None) or None
            what = f"{name} can't take images of {size} px: {reason}"
            raise InputError(what, setting=setting, expected=expected)
    model.train(training)


_FARTHEST = 64
"""Pixels to either side in which a size is looked for that the backbone takes; the largest patches have 32."""


def _nearest(model: Classifier, size: int, step: int) -> int | None:
    """The first size that the backbone takes, going up or down."""
    sizes = range(size + step, size + step * (_FARTHEST + 1), step)
    return next((one for one in sizes if one > 0 and _refusal(model, one) is None), None)


def _refusal(model: Classifier, size: int) -> str | None:
    """Why the backbone can't take images of a size; None = it can."""
    try:
        with torch.inference_mode():
            model.logits(torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError, ValueError) as error:
        return str(error).strip().splitlines()[0]
    return None


def _width(backbone: nn.Module, image_size: int) -> int:
    """Features a backbone gives an image; asked of the backbone itself, since timm's attributes differ by family."""
    training = backbone.training
    with torch.inference_mode():
        width = backbone.eval()(torch.zeros(1, 3, image_size, image_size)).shape[1]
    backbone.train(training)
    return int(width)
