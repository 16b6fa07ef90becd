"""The image encoder of a dual encoder below the head that `sfumato ladder` fitted; texts are no longer read."""

from typing import ClassVar, Literal

from torch import Tensor

from sfumato.models.adapted_head import AdaptedHeadSpec
from sfumato.shown import PictureUse
from sfumato.spec import Spec


class AdaptedSpec(Spec):
    """What a ladder's bundle is built from; no recipe can ask for it."""

    kind: Literal["adapted"] = "adapted"
    backbone: str
    """As in `ModelSpec`."""
    head: AdaptedHeadSpec
    drop_path: ClassVar[float] = 0.0
    """It is not trained."""

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
    return {
        name.replace(old, new, 1): tensor
        for name, tensor in weights.items()
        for old, new in names.items()
        if name.startswith(old)
    }
