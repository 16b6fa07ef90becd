"""What is left of a dual encoder once `sfumato ladder` fitted a head: the image encoder; texts are no longer read."""

from typing import Any, Literal

import torch
from torch import Tensor

from sfumato.models.adapted_head import AdaptedHeadSpec
from sfumato.shown import PictureUse
from sfumato.spec import Spec


class AdaptedSpec(Spec):
    """What a ladder's bundle is built from; no recipe can ask for it."""

    kind: Literal["adapted"] = "adapted"
    backbone: str
    """As in `ModelSpec`; or the name of an OpenCLIP model."""
    clip: dict[str, Any] | None = None
    """OpenCLIP's configuration of the model whose image tower it is; None = it is one of timm's, or StarNet."""
    head: AdaptedHeadSpec

    @property
    def pictures(self) -> PictureUse:
        """Which of several pictures of a sample it is shown."""
        return "first"

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return self.backbone


def tower_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a dual encoder's image encoder and of its projection, by the names they have here."""
    names = {"image.": "backbone.", "head.image.": "head.project."}
    found = {
        name.replace(old, new, 1): tensor
        for name, tensor in weights.items()
        for old, new in names.items()
        if name.startswith(old)
    }
    return {"head.project.bias": torch.zeros(len(found["head.project.weight"])), **found}
