"""Text alone: the features of a text tower, of length 1, below a head. Pictures are not looked at.

Shapes: B samples, C classes, D features.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

from torch import Tensor, nn

from sfumato.models.backbone import IMAGENET_MEAN, IMAGENET_STD
from sfumato.models.heads import Head, HeadSpec, LinearHeadSpec
from sfumato.models.network import Network
from sfumato.models.text_encoder import TextSpec, build_text
from sfumato.models.text_tower import Files, Reader, TextTower
from sfumato.shown import PictureUse, Shown, whole
from sfumato.spec import Spec
from sfumato.tasks import Outputs


class TextOnlySpec(Spec):
    """A text tower below a head; pictures are not looked at."""

    kind: Literal["text"] = "text"
    text: TextSpec
    """The text tower."""
    head: HeadSpec = LinearHeadSpec()
    """What stands on its features."""

    @property
    def pictures(self) -> PictureUse:
        """None of them is shown."""
        return "none"

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return self.text.kind


class TextOnly(Network):
    """Texts to one logit a class of each task. Parameter names begin with `text.` or `head.`."""

    reads_texts = True
    text: TextTower

    def __init__(self, text: TextTower, head: Head, classes: Outputs) -> None:
        super().__init__({"text": text}, head, text.width, classes, IMAGENET_MEAN, IMAGENET_STD)
        self.reader = Reader(text)

    @property
    def settings(self) -> str:
        """How the texts are read."""
        return self.text.settings

    def features(self, shown: Tensor | Shown) -> Tensor:
        """What is shown -> (B, D) of length 1; zeros for an empty text."""
        seen = shown if isinstance(shown, Shown) else whole(shown)
        return self.reader.features(seen.texts, seen.images.device)

    def towers(self) -> tuple[nn.Module, ...]:
        """The text tower."""
        return (self.text,)

    def undecayed(self) -> set[str]:
        """What the tower names."""
        return {f"text.{name}" for name in self.text.undecayed()}

    @contextmanager
    def reading_once(self) -> Generator[None]:
        """Within the context each text is read once, however often it is shown; the text tower must not change."""
        with self.reader.once():
            yield


def build_text_only(spec: TextOnlySpec, classes: Outputs, files: Files | None = None) -> TextOnly:
    """A model of texts alone with random weights; `files`: what a bundle keeps of the tower."""
    return TextOnly(build_text(spec.text, files), spec.head, classes)
