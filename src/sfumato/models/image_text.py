"""Image and text: the features of two towers, either of the same length, side by side below one head.

Either length is sqrt(I), so that those of pictures have a mean square of 1, as heads and learning rates are made for:
with features of length 1 a network is still underfitted when its learning rate ends.

Shapes: B samples, P pictures, C classes, D = I + T features of the image and the text tower, L tokens.
"""

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sfumato.errors import moved
from sfumato.models.backbone import Triple, build_backbone
from sfumato.models.classifier import undecayed_in, width_of
from sfumato.models.clip import ClipSpec, build_towers
from sfumato.models.heads import Head, HeadSpec, MlpHeadSpec
from sfumato.models.image_encoders import BackboneName
from sfumato.models.missing import LearnedSpec, Missing, MissingSpec
from sfumato.models.network import MISSING, Network
from sfumato.models.ngrams import Ngrams
from sfumato.models.text_encoder import TextSpec, build_text
from sfumato.models.text_tower import Files, Reader, TextTower
from sfumato.models.tfidf import Tfidf
from sfumato.models.weights import WeightsSpec
from sfumato.shown import OfSeveral, Shown, whole, with_black
from sfumato.spec import Spec
from sfumato.tasks import Outputs


class ImageTowerSpec(Spec):
    """What looks at the picture."""

    backbone: BackboneName
    """Any timm architecture, such as resnet50, convnext_tiny or vit_small_patch16_224, or one of docs/starnet.md; also
    vit, efficientnet-b0 to -b7 and convnext-tiny to -large, which are timm's under other names."""
    weights: WeightsSpec = "timm"
    """Where it starts from."""
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of residual branches skipped at random while training, growing with depth."""


class ImageTextSpec(Spec):
    """An image tower and a text tower below one head."""

    kind: Literal["image_text"] = "image_text"
    image: ImageTowerSpec
    """The image tower."""
    text: TextSpec
    """The text tower."""
    pictures: OfSeveral = "first"
    """Of a sample that has several pictures: the `first`; a `random` one each time it trains, the first elsewhere; or
    `mean_pool`: all of them, their features averaged."""
    missing: MissingSpec = LearnedSpec()
    """What stands in for a picture or a text that a sample has not."""
    head: HeadSpec = MlpHeadSpec()
    """What stands on the features of both."""

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return f"{self.image.backbone} + {self.text.kind}"


class ImageText(Network):
    """Pictures and texts to one logit a class of each task.

    Parameter names begin with `image.`, `text.`, `missing.` or `head.`.
    """

    reads_texts = True
    image: nn.Module
    text: TextTower
    missing: Missing | None

    def __init__(
        self,
        towers: tuple[nn.Module, TextTower],
        image_width: int,
        head: Head,
        classes: Outputs,
        mean: Triple,
        std: Triple,
        missing: Missing | None = None,
    ) -> None:
        image, text = towers
        parts = {"image": image, "text": text, **({} if missing is None else {MISSING: missing})}
        super().__init__(parts, head, image_width + text.width, classes, mean, std)
        self.widths = (image_width, text.width)
        """I and T."""
        self.length = math.sqrt(image_width)
        """Of the features of either tower."""
        if missing is None:
            self.register_module(MISSING, None)
        self.reader = Reader(text, empty=missing is None)

    @property
    def settings(self) -> str:
        """How the texts are read, and whether what a sample lacks is left to what stands in for it."""
        return f"{self.missing is None} {self.text.settings}"

    def features(self, shown: Tensor | Shown) -> Tensor:
        """What is shown -> (B, D): the features of both towers, each of `length`.

        For what a sample lacks zeros; without learnt features for it, those of a black picture and an empty text.
        """
        seen = shown if isinstance(shown, Shown) else whole(shown)
        seen = seen if self.missing is not None else with_black(seen)
        texts_bt = self.reader.features(seen.texts, seen.images.device)
        return self.length * torch.cat([self._image(seen), texts_bt], dim=1)

    def completed(self, features_bd: Tensor) -> Tensor:
        """(B, D) features -> (B, D) with learnt ones in the place of what is missing."""
        return features_bd if self.missing is None else self.missing(features_bd)

    def by_either(self, shown: Shown) -> tuple[Tensor, Tensor]:
        """(B, C) logits by the pictures alone, and by the texts alone: the other is as if a sample lacked it."""
        features_bd, pictures = self.features(shown), self.widths[0]
        neither_bd = self.features(Shown(shown.images[:0], (0,), ("",))).expand(len(features_bd), -1)
        by_picture = torch.cat([features_bd[:, :pictures], neither_bd[:, pictures:]], dim=1)
        by_text = torch.cat([neither_bd[:, :pictures], features_bd[:, pictures:]], dim=1)
        return self.head(self.completed(by_picture)).float(), self.head(self.completed(by_text)).float()

    def towers(self) -> tuple[nn.Module, ...]:
        """Both towers; those that count words have no activations worth the name."""
        return (self.image,) if isinstance(self.text, Ngrams | Tfidf) else (self.image, self.text)

    def undecayed(self) -> set[str]:
        """What the towers name."""
        return {*undecayed_in(self.image, "image"), *(f"text.{name}" for name in self.text.undecayed())}

    @contextmanager
    def reading_once(self) -> Generator[None]:
        """Within the context each text is read once, however often it is shown; the text tower must not change."""
        with self.reader.once():
            yield

    def keep_texts(self, texts: Sequence[str]) -> None:
        """See `Network.keep_texts`."""
        self.reader.keep(texts, cast(Tensor, self.mean).device)

    def forget_texts(self) -> None:
        """See `Network.forget_texts`."""
        self.reader.forget()

    def _image(self, shown: Shown) -> Tensor:
        """(B, I): of several pictures of a sample the mean direction."""
        found = torch.zeros(len(shown), self.widths[0], device=shown.images.device)
        if not len(shown.images):
            return found
        features_pi = F.normalize(self.image(self.normalised(shown.images)).float(), dim=1)
        sums = found.index_add(0, shown.owners.to(found.device), features_pi)
        return sums if max(shown.pictures) == 1 else F.normalize(sums, dim=1)


def build_image_text(
    spec: ImageTextSpec | ClipSpec,
    classes: Outputs,
    image_size: int,
    mean: Triple,
    std: Triple,
    files: Files | None = None,
) -> ImageText:
    """A model of both with random weights, its image tower laid out channels last.

    Args:
        spec: Towers and head; their `weights` are not read, but for the activation of OpenCLIP's.
        classes: Number of logits; of each task, where there are several.
        image_size: Side in pixels the model must accept.
        mean: Subtracted from the pixels, per channel, on a scale of 0 to 1.
        std: The pixels are divided by it, per channel, on a scale of 0 to 1.
        files: What a bundle keeps of the towers; None = they are built from what the spec names.
    """
    build = _pair if isinstance(spec, ImageTextSpec) else build_towers
    image, text = build(cast(Any, spec), image_size, files)
    width = width_of(image, image_size)
    missing = Missing((width, text.width), spec.missing.dropout) if isinstance(spec.missing, LearnedSpec) else None
    model = ImageText((image, text), width, spec.head, classes, mean, std, missing)
    return model.to(memory_format=cast(Any, torch.channels_last))


def _pair(spec: ImageTextSpec, image_size: int, files: Files | None) -> tuple[nn.Module, TextTower]:
    with moved("model.", "model.image."):
        image = build_backbone(spec.image.backbone, spec.image.drop_path, image_size)
    return image, build_text(spec.text, files)
