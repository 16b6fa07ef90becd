"""What a recipe may say of a dual encoder: its towers, the texts of its classes, and where both meet."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import model_validator

from sfumato.models.class_texts import ClassTextsSpec, FileTextsSpec, TemplateTextsSpec
from sfumato.models.clip import ClipTowersSpec
from sfumato.models.image_text import ImageTowerSpec
from sfumato.models.prototype_head import PrototypeHeadSpec
from sfumato.models.text_encoder import TextSpec
from sfumato.models.tower_lora import TowerLoraSpec
from sfumato.models.transformers_text import TransformersSpec
from sfumato.models.weights import WeightsFrom, without_path
from sfumato.shown import PictureUse
from sfumato.spec import Spec

USUAL_TEXT = TransformersSpec(hub="bert-base-chinese")


class DualEncoderSpec(Spec):
    """An image encoder and a text encoder that meet in one space; the classes are what their texts say."""

    kind: Literal["dual_encoder"] = "dual_encoder"
    image: ImageTowerSpec | None = None
    """The image encoder; none = that of `clip`."""
    text: TextSpec | None = None
    """The text encoder; none = `{hub: bert-base-chinese}`, or that of `clip`."""
    clip: ClipTowersSpec | None = None
    """Both encoders of an OpenCLIP model, in the place of `image` and `text`."""
    texts: ClassTextsSpec = TemplateTextsSpec()
    """What is said of each class; as a rule its name alone."""
    head: PrototypeHeadSpec = PrototypeHeadSpec()
    """The space that both share, and the temperature."""
    lora: TowerLoraSpec | None = None
    """Matrices of low rank that learn beside the weights of the towers; none = there are none."""

    @model_validator(mode="after")
    def _one_pair(self) -> Self:
        if (self.clip is None) == (self.image is None):
            found = "neither image nor clip" if self.clip is None else "image and clip"
            raise ValueError(f"names {found}; expected image, with a text encoder, or clip, which has both")
        if self.clip is not None and self.text is not None:
            raise ValueError("names a text encoder beside clip, which has its own")
        own = [name for name in ("embed_dim", "temperature") if name in self.head.changed]
        if self.clip is not None and own:
            raise ValueError(f"head.{own[0]} has no effect: clip brings its own; leave it out")
        return self

    @property
    def pictures(self) -> PictureUse:
        """Which of several pictures of a sample it is shown."""
        return "first"

    @property
    def is_random(self) -> bool:
        """Whether nothing of it is pretrained."""
        if self.clip is not None:
            return self.clip.weights == "none"
        return self.pair[0].weights == "none" and getattr(self.pair[1], "weights", "none") == "none"

    @property
    def pair(self) -> tuple[ImageTowerSpec, TextSpec]:
        """Image and text encoder where they are not OpenCLIP's."""
        assert self.image is not None
        return self.image, self.text or USUAL_TEXT

    @property
    def image_title(self) -> str:
        """What its image encoder is called."""
        return self.title if self.clip is not None else self.pair[0].backbone

    def without_paths(self) -> Self:
        """The same with the names of files and folders alone, fit to leave the machine."""
        changed: dict[str, Any] = {}
        if isinstance(self.texts, FileTextsSpec):
            changed["texts"] = self.texts.model_copy(update={"file": Path(self.texts.file).name})
        if self.clip is not None and isinstance(self.clip.weights, WeightsFrom):
            changed["clip"] = self.clip.model_copy(update={"weights": without_path(self.clip.weights)})
        if self.image is not None:
            changed["image"] = self.image.model_copy(update={"weights": without_path(self.image.weights)})
        if folder := getattr(self.text, "folder", None):
            changed["text"] = self.pair[1].model_copy(update={"folder": Path(folder).name})
        return self.model_copy(update=changed)

    @property
    def title(self) -> str:
        """What it is called in reports."""
        if self.clip is not None:
            return f"OpenCLIP {self.clip.name} against texts"
        image, text = self.pair
        named = text.kind
        if isinstance(text, TransformersSpec):
            named = text.hub or text.package or Path(str(text.folder)).name
        return f"{image.backbone} x {named}"
