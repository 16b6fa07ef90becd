"""The dual encoder: a picture is of the class whose texts it is nearest to, in a space that both towers share.

Shapes: B pictures, C classes, K texts of all of them, I and T features of the towers.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from sfumato.errors import InputError, moved
from sfumato.models.backbone import Triple, build_backbone
from sfumato.models.class_text_reader import ClassTextReader
from sfumato.models.class_texts import SETTING, ClassTexts, ClassTextsSpec, GivenTextsSpec, TemplateTextsSpec
from sfumato.models.classifier import undecayed_in, width_of
from sfumato.models.heads import Head
from sfumato.models.image_text import ImageTowerSpec
from sfumato.models.network import Network
from sfumato.models.ngrams import Ngrams
from sfumato.models.prototype_head import PrototypeHead, PrototypeHeadSpec
from sfumato.models.text_encoder import TextSpec, build_text
from sfumato.models.text_tower import Files, TextTower
from sfumato.models.transformers_text import TransformersSpec
from sfumato.shown import PictureUse, Shown
from sfumato.spec import Spec
from sfumato.tasks import Outputs


class DualEncoderSpec(Spec):
    """An image encoder and a text encoder that meet in one space; the classes are what their texts say."""

    kind: Literal["dual_encoder"] = "dual_encoder"
    image: ImageTowerSpec
    """The image encoder."""
    text: TextSpec = TransformersSpec(hub="bert-base-chinese")
    """The text encoder."""
    texts: ClassTextsSpec = TemplateTextsSpec()
    """What is said of each class; as a rule its name alone."""
    head: PrototypeHeadSpec = PrototypeHeadSpec()
    """The space that both share, and the temperature."""

    @property
    def pictures(self) -> PictureUse:
        """Which of several pictures of a sample it is shown."""
        return "first"

    @property
    def title(self) -> str:
        """What it is called in reports."""
        text = self.text
        named = text.kind
        if isinstance(text, TransformersSpec):
            named = text.hub or text.package or Path(str(text.folder)).name
        return f"{self.image.backbone} x {named}"


class DualEncoder(Network):
    """Pictures to one logit a class. Parameter names begin with `image.`, `text.` or `head.`.

    The features, I of a picture, are those of the image encoder; the projections are part of the head, so that they
    learn while both encoders are frozen and their features are computed once.
    """

    image: nn.Module
    text: TextTower
    head: PrototypeHead
    own_ck: Tensor
    """(C, K) 1 where a text is of a class, else 0."""

    def __init__(
        self,
        towers: tuple[nn.Module, TextTower],
        image_width: int,
        head: PrototypeHeadSpec,
        texts: Mapping[str, Sequence[str]],
        mean: Triple,
        std: Triple,
    ) -> None:
        image, text = towers
        super().__init__({"image": image, "text": text}, head, image_width, len(texts), mean, std)
        self.register_buffer("own_ck", None, persistent=False)
        self.ask(texts)

    def ask(self, texts: Mapping[str, Sequence[str]]) -> None:
        """Answer with these classes from now on: class -> its texts, in the order of the logits."""
        owners = [place for place, some in enumerate(texts.values()) for _ in some]
        self.reader = ClassTextReader(self.text, [one for some in texts.values() for one in some])
        self.own_ck = torch.eye(len(texts))[owners].T.contiguous().to(self.head.log_scale.device)
        self.classes = self.outputs = len(texts)

    def features(self, shown: Tensor | Shown) -> Tensor:
        """(B, 3, H, W), uint8 or floats in 0 to 255 -> (B, I), not yet projected."""
        images = shown.images if isinstance(shown, Shown) else shown
        return self.image(self.normalised(images))

    def answers(self, features_bd: Tensor) -> Tensor:
        """(B, I) features -> (B, C) float32: the scale times the cosine to each class's prototype."""
        return self.head(features_bd, self.reader.features(features_bd.device), self.own_ck)

    def new_head(self, spec: Head) -> nn.Module:
        """Projections with random weights, for both encoders."""
        if not isinstance(spec, PrototypeHeadSpec):
            raise TypeError("refused before training")
        return PrototypeHead(self.width, self.text.width, spec)

    def constrain(self) -> None:
        """Keep the temperature at 0.01 or above."""
        self.head.constrain()

    def towers(self) -> tuple[nn.Module, ...]:
        """Both encoders; vectors of words have no activations worth the name."""
        return (self.image,) if isinstance(self.text, Ngrams) else (self.image, self.text)

    def undecayed(self) -> set[str]:
        """What the encoders name."""
        return {*undecayed_in(self.image, "image"), *(f"text.{name}" for name in self.text.undecayed())}


def build_dual_encoder(
    spec: DualEncoderSpec, classes: Outputs, image_size: int, mean: Triple, std: Triple, files: Files | None = None
) -> DualEncoder:
    """A dual encoder with random weights, its image encoder laid out channels last.

    Args:
        spec: Encoders and head, the texts of the classes given in their order; its `weights` are not read.
        classes: C.
        image_size: Side in pixels the model must accept.
        mean: Subtracted from the pixels, per channel, on a scale of 0 to 1.
        std: The pixels are divided by it, per channel, on a scale of 0 to 1.
        files: What a bundle keeps of the text encoder; None = it is built from what the spec names.

    Raises:
        InputError: Several questions a picture, or a text that is longer than the encoder reads.
    """
    texts = _given(spec.texts, classes)
    with moved("model.", "model.image."):
        image = build_backbone(spec.image.backbone, spec.image.drop_path, image_size)
    text = build_text(spec.text, files)
    model = DualEncoder((image, text), width_of(image, image_size), spec.head, texts, mean, std)
    _refuse_long(model, texts)
    return model.to(memory_format=cast(Any, torch.channels_last))


def _given(spec: ClassTexts, classes: Outputs) -> dict[str, tuple[str, ...]]:
    """The texts of C classes; it is the caller's to have made them of the recipe's."""
    if not isinstance(classes, int):
        raise InputError("answers one question a picture", setting="model.kind", expected="one label column")
    if not isinstance(spec, GivenTextsSpec) or len(spec.texts) != classes:
        raise TypeError("the texts of the classes are not given")
    return spec.texts


def _refuse_long(model: DualEncoder, texts: Mapping[str, Sequence[str]]) -> None:
    """A class must not be told by half of its text."""
    for name, some in texts.items():
        for text in some:
            length, window = model.reader.tokens.length(text), model.text.window
            if length > window:
                what = f"a text of class {name!r} has {length} tokens, and {window} are read ({text[:40]!r} ...)"
                mend = "shorten it, or raise model.text.window as far as the encoder has places"
                raise InputError(what, setting=SETTING, mend=mend)
