"""The towers of a dual encoder: built with random weights, and what pretrained ones they begin with."""

from typing import Any, cast

import torch
from torch import nn

from sfumato.errors import InputError, moved
from sfumato.models.backbone import Expects, Triple, build_backbone, expects
from sfumato.models.class_texts import SETTING, ClassTexts, GivenTextsSpec
from sfumato.models.classifier import width_of
from sfumato.models.clip import ClipImage, ClipText, build_towers, expected_by, load_towers
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.text_encoder import build_text, load_text
from sfumato.models.text_tower import Files, TextTower
from sfumato.models.tower_lora import add_lora, without_lora
from sfumato.models.weights import load_weights
from sfumato.tasks import Outputs

LONGER = ", or raise model.text.window as far as the encoder has places"


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
    image, text = _towers(spec, image_size, files)
    shared, width = spec.clip is not None, width_of(image, image_size)
    if spec.lora is not None:
        add_lora({"image": image, "text": text}, spec.lora)
    model = DualEncoder((image, text), width, spec.head, texts, mean, std, shared=shared)
    _refuse_long(model, texts)
    return model.to(memory_format=cast(Any, torch.channels_last))


def load_dual_encoder(model: DualEncoder, spec: DualEncoderSpec, image_size: int) -> str:
    """Put the recipe's pretrained weights into the towers; return where they came from."""
    with without_lora(model):
        if spec.clip is None:
            image, text = spec.pair
            with moved("model.", "model.image."):
                seen = load_weights(model.image, image.backbone, image.weights, image_size)
            return f"image {seen}; text {load_text(model.text, text)}"
        with moved("model.", "model.clip."):
            image, text = cast(ClipImage, model.image), cast(ClipText, model.text)
            return load_towers(image, text, spec.clip, image_size, model.head.log_scale)


def expected_by_dual_encoder(spec: DualEncoderSpec) -> Expects:
    """What the pictures were like that its image encoder was trained on."""
    if spec.clip is None:
        with moved("model.", "model.image."):
            return expects(spec.pair[0].backbone)
    with moved("model.", "model.clip."):
        return expected_by(spec.clip)


def _towers(spec: DualEncoderSpec, image_size: int, files: Files | None) -> tuple[nn.Module, TextTower]:
    if spec.clip is not None:
        with moved("model.", "model.clip."):
            return build_towers(spec.clip, image_size, files)
    image, text = spec.pair
    with moved("model.", "model.image."):
        backbone = build_backbone(image.backbone, image.drop_path, image_size)
    return backbone, build_text(text, files)


def _given(spec: ClassTexts, classes: Outputs) -> dict[str, tuple[str, ...]]:
    """The texts of C classes; it is the caller's to have made them of the recipe's."""
    if not isinstance(classes, int):
        raise InputError("answers one question a picture", setting="model.kind", expected="one label column")
    if not isinstance(spec, GivenTextsSpec) or len(spec.texts) != classes:
        raise TypeError("the texts of the classes are not given")
    return spec.texts


def _refuse_long(model: DualEncoder, texts: dict[str, tuple[str, ...]]) -> None:
    """A class must not be told by half of its text."""
    for name, some in texts.items():
        for text in some:
            length, window = model.reader.tokens.length(text), model.text.window
            if length > window:
                what = f"a text of class {name!r} has {length} tokens, and {window} are read ({text[:40]!r} ...)"
                longer = "" if isinstance(model.text, ClipText) else LONGER
                raise InputError(what, setting=SETTING, mend=f"shorten it{longer}")
