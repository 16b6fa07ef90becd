"""The families of models: what a recipe may say of one, and what the rest of the house asks of each alike."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, cast

from pydantic import Tag

from sfumato.errors import moved
from sfumato.models.adapted import AdaptedSpec
from sfumato.models.adapted_network import build_adapted
from sfumato.models.backbone import IMAGENET_MEAN, IMAGENET_STD, Expects, Triple, expects
from sfumato.models.classifier import Classifier, ModelSpec, build_classifier
from sfumato.models.clip import ClipImage, ClipSpec, ClipText, expected_by, load_towers
from sfumato.models.cnn_rnn.cnn_rnn import CnnRnnSpec, build_cnn_rnn
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.dual_encoder_towers import build_dual_encoder, expected_by_dual_encoder, load_dual_encoder
from sfumato.models.image_text import ImageText, ImageTextSpec, build_image_text
from sfumato.models.network import Network
from sfumato.models.text_encoder import learnt_files, load_text
from sfumato.models.text_only import TextOnly, TextOnlySpec, build_text_only
from sfumato.models.text_tower import Files
from sfumato.models.tfidf import TfidfSpec
from sfumato.models.vlm.building import build_vlm, expected_by_vlm, load_vlm
from sfumato.models.vlm.network import Vlm
from sfumato.models.vlm.spec import TEXT, VlmSpec
from sfumato.models.weights import WeightsFrom, load_weights, without_path
from sfumato.spec import kind_or
from sfumato.tasks import Outputs

Family = ModelSpec | CnnRnnSpec | ImageTextSpec | ClipSpec | TextOnlySpec | DualEncoderSpec | VlmSpec
Built = Family | AdaptedSpec
"""What a bundle's networks are built from: any family, or what a ladder made of one, which no recipe can ask for."""

FamilySpec = Annotated[
    Annotated[ModelSpec, Tag("image")]
    | Annotated[CnnRnnSpec, Tag("cnn_rnn")]
    | Annotated[ImageTextSpec, Tag("image_text")]
    | Annotated[ClipSpec, Tag("clip")]
    | Annotated[TextOnlySpec, Tag("text")]
    | Annotated[DualEncoderSpec, Tag("dual_encoder")]
    | Annotated[VlmSpec, Tag("vlm")],
    kind_or("image"),
]


UNSEEN = 16
"""Side in pixels that pictures would have which nothing looks at: the least there is."""

KINDS: dict[str, type[Built]] = {
    "image": ModelSpec,
    "cnn_rnn": CnnRnnSpec,
    "image_text": ImageTextSpec,
    "clip": ClipSpec,
    "text": TextOnlySpec,
    "dual_encoder": DualEncoderSpec,
    "vlm": VlmSpec,
    "adapted": AdaptedSpec,
}


def spec_of(document: Mapping[str, object]) -> type[Built]:
    """What a stored model is read as; a document that does not say is one of images, as all were once."""
    return KINDS.get(str(document.get("kind")), ModelSpec)


def build_model(
    spec: Built,
    classes: Outputs,
    image_size: int,
    mean: Triple,
    std: Triple,
    files: Files | None = None,
    names: Sequence[str] = (),
) -> Network:
    """A model of any family with random weights; arguments as for `build_image_text`, and `names` of the classes."""
    if isinstance(spec, VlmSpec):
        return build_vlm(spec, classes, names, mean, std, files)
    if isinstance(spec, ModelSpec | AdaptedSpec):
        given = (classes, image_size, mean, std)
        return build_classifier(spec, *given) if isinstance(spec, ModelSpec) else build_adapted(spec, *given)
    if isinstance(spec, CnnRnnSpec):
        if not isinstance(classes, int):
            raise TypeError("one task of several classes a picture; refused before")
        return build_cnn_rnn(spec, classes, image_size, mean, std)
    if isinstance(spec, TextOnlySpec):
        return build_text_only(spec, classes, files)
    if isinstance(spec, DualEncoderSpec):
        return build_dual_encoder(spec, classes, image_size, mean, std, files)
    return build_image_text(spec, classes, image_size, mean, std, files)


def load_pretrained(model: Network, spec: Family, image_size: int) -> str:
    """Put the recipe's pretrained weights into the model; return where they came from."""
    if isinstance(spec, ModelSpec | CnnRnnSpec) and isinstance(model, Classifier):
        return load_weights(model.backbone, spec.backbone, spec.weights, image_size)
    if isinstance(spec, DualEncoderSpec) and isinstance(model, DualEncoder):
        return load_dual_encoder(model, spec, image_size)
    if isinstance(spec, ImageTextSpec) and isinstance(model, ImageText):
        with moved("model.", "model.image."):
            image = load_weights(model.image, spec.image.backbone, spec.image.weights, image_size)
        return f"image {image}; text {load_text(model.text, spec.text)}"
    if isinstance(spec, ClipSpec) and isinstance(model, ImageText):
        return load_towers(cast(ClipImage, model.image), cast(ClipText, model.text), spec, image_size)
    if isinstance(spec, TextOnlySpec) and isinstance(model, TextOnly):
        return f"text {load_text(model.text, spec.text)}"
    if isinstance(spec, VlmSpec) and isinstance(model, Vlm):
        return load_vlm(model, spec)
    raise TypeError(f"a {type(model).__name__} is no model of {spec.kind}")


def expected_of(spec: Family) -> Expects:
    """What the pictures were like that the image tower was trained on."""
    if isinstance(spec, TextOnlySpec):
        return Expects(UNSEEN, IMAGENET_MEAN, IMAGENET_STD, "bilinear")
    if isinstance(spec, ClipSpec):
        return expected_by(spec)
    if isinstance(spec, VlmSpec):
        return expected_by_vlm(spec)
    if isinstance(spec, DualEncoderSpec):
        return expected_by_dual_encoder(spec)
    with moved("model.", "model." if isinstance(spec, ModelSpec | CnnRnnSpec) else "model.image."):
        return expects(image_name(spec))


def image_name(spec: Family) -> str:
    """Name of the architecture that looks at pictures."""
    if isinstance(spec, ClipSpec | TextOnlySpec | VlmSpec):
        return spec.title
    if isinstance(spec, DualEncoderSpec):
        return spec.image_title
    return spec.backbone if isinstance(spec, ModelSpec | CnnRnnSpec) else spec.image.backbone


def is_random(spec: Family) -> bool:
    """Whether nothing of it is pretrained."""
    if isinstance(spec, ModelSpec | CnnRnnSpec | ClipSpec | VlmSpec):
        return spec.weights == "none"
    if isinstance(spec, DualEncoderSpec):
        return spec.is_random
    pictures = isinstance(spec, TextOnlySpec) or spec.image.weights == "none"
    return pictures and getattr(spec.text, "weights", "none") == "none"


def reads_texts(spec: Built) -> bool:
    """Whether texts are part of the samples it is shown."""
    if isinstance(spec, VlmSpec):
        return TEXT in spec.prompt
    return not isinstance(spec, ModelSpec | CnnRnnSpec | DualEncoderSpec | AdaptedSpec)


def may_have_maps(spec: Built) -> bool:
    """Whether `grad_cam.has_maps` may hold of a network that is built from it; of others it does not."""
    return isinstance(spec, ModelSpec | CnnRnnSpec) or (isinstance(spec, AdaptedSpec) and spec.clip is None)


def writes_sequences(spec: Family) -> bool:
    """Whether classes are named one after another."""
    return isinstance(spec, CnnRnnSpec)


def without_paths(spec: Family) -> Family:
    """The spec with the names of files and folders alone, fit to leave the machine."""
    if isinstance(spec, ModelSpec | CnnRnnSpec):
        return spec.model_copy(update={"weights": without_path(spec.weights)})
    if isinstance(spec, ClipSpec):
        known = isinstance(spec.weights, WeightsFrom)
        return spec.model_copy(update={"weights": without_path(spec.weights)}) if known else spec
    if isinstance(spec, VlmSpec):
        return spec.model_copy(update={"folder": Path(spec.folder).name}) if spec.folder else spec
    if isinstance(spec, DualEncoderSpec):
        return spec.without_paths()
    folder = getattr(spec.text, "folder", None)
    text = spec.text.model_copy(update={"folder": Path(folder).name}) if folder else spec.text
    if isinstance(spec, TextOnlySpec):
        return spec.model_copy(update={"text": text})
    image = spec.image.model_copy(update={"weights": without_path(spec.image.weights)})
    return spec.model_copy(update={"image": image, "text": text})


def learnt_from(spec: Family, texts: tuple[str, ...] | None) -> Files | None:
    """What its text tower must know of the training texts before the model can be built; None where nothing."""
    return learnt_files(spec.text, texts or ()) if isinstance(spec, ImageTextSpec | TextOnlySpec) else None


def learns_from_texts(spec: Family) -> bool:
    """Whether the model can be built only after the training texts are known."""
    return isinstance(spec, ImageTextSpec | TextOnlySpec) and isinstance(spec.text, TfidfSpec)


def files_of(model: Network) -> Files | None:
    """What a bundle keeps of its text tower, beside the weights; None where it has none."""
    if isinstance(model, Vlm):
        return model.files()
    return model.text.files() if isinstance(model, ImageText | TextOnly | DualEncoder) else None
