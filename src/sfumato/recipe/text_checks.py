"""Settings of texts, where none is read, are refused with the reason."""

from sfumato.data.augment import AugmentSpec
from sfumato.data.elements import ElementsSpec
from sfumato.errors import InputError
from sfumato.models.family import Family, reads_texts


def refuse_unread(model: Family, augment: AugmentSpec, elements: ElementsSpec | None) -> None:
    """Raise InputError for element words, or other forms of texts, that no model would read."""
    given = {"data.elements": elements, "augment.texts": augment.texts}
    setting = next((name for name, value in given.items() if value is not None), None)
    if setting is not None and not reads_texts(model):
        what = "has no effect: this model reads no texts"
        raise InputError(what, setting=setting, mend="leave it out, or choose model.kind: vlm or image_text")
