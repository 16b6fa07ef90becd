"""The texts of the classes, settled once the classes are known: a run depends on no file but its own."""

from sfumato.errors import InputError
from sfumato.models.class_texts import BilingualTextsSpec, GivenTextsSpec, LabelTextsSpec, TemplateTextsSpec, texts_of
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.recipe.schema import Recipe
from sfumato.tasks import TaskLayout


def with_class_texts(recipe: Recipe, layout: TaskLayout) -> Recipe:
    """The recipe with the texts of every class written out, where its model goes by them, and what else these decide.

    Raises:
        InputError: Texts that are not those of the classes, several label columns, or a midpoint that does nothing.
    """
    model = recipe.model
    if not isinstance(model, DualEncoderSpec):
        return recipe
    if layout.several:
        what = "answers one question a picture, and there are several label columns"
        raise InputError(what, setting="model.kind", expected="image, whose head answers them all")
    if model.head.midpoint is not None and not layout.multilabel:
        what = "has no effect: an image is of one class here, and what all logits have in common changes nothing"
        raise InputError(what, setting="model.head.midpoint", mend="leave it out")
    if model.head.midpoint is None and layout.multilabel:
        model = model.model_copy(update={"head": model.head.model_copy(update={"midpoint": "fitted"})})
    return _given(recipe, model, texts_of(model.texts, layout.labels))


def without_lost(recipe: Recipe, layout: TaskLayout) -> Recipe:
    """The same without the texts of classes of which no picture could be used."""
    model = recipe.model
    if not isinstance(model, DualEncoderSpec) or not isinstance(model.texts, GivenTextsSpec):
        return recipe
    return _given(recipe, model, {name: model.texts.texts[name] for name in layout.labels.names})


def _given(recipe: Recipe, model: DualEncoderSpec, texts: dict[str, tuple[str, ...]]) -> Recipe:
    of = model.texts
    made = of if isinstance(of, TemplateTextsSpec | LabelTextsSpec | BilingualTextsSpec) else getattr(of, "by", None)
    given = GivenTextsSpec(texts=texts, by=made)
    return recipe.model_copy(update={"model": model.model_copy(update={"texts": given})})
