"""The texts of the classes, settled once the classes are known: a run depends on no file but its own."""

from sfumato.errors import InputError
from sfumato.models.class_texts import GivenTextsSpec, texts_of
from sfumato.models.dual_encoder import DualEncoderSpec
from sfumato.recipe.schema import Recipe
from sfumato.tasks import TaskLayout


def with_class_texts(recipe: Recipe, layout: TaskLayout) -> Recipe:
    """The recipe with the texts of every class written out, where its model goes by them.

    Raises:
        InputError: Texts that are not those of the classes, or samples that have not one class each.
    """
    model = recipe.model
    if not isinstance(model, DualEncoderSpec):
        return recipe
    if layout.several or layout.multilabel:
        what = "names one class a picture, " + ("and there are several label columns" if layout.several else _MANY)
        raise InputError(what, setting="model.kind", expected="image, whose head answers them all")
    return _given(recipe, model, texts_of(model.texts, layout.labels))


def without_lost(recipe: Recipe, layout: TaskLayout) -> Recipe:
    """The same without the texts of classes of which no picture could be used."""
    model = recipe.model
    if not isinstance(model, DualEncoderSpec) or not isinstance(model.texts, GivenTextsSpec):
        return recipe
    return _given(recipe, model, {name: model.texts.texts[name] for name in layout.labels.names})


_MANY = "and a picture may be of several here"


def _given(recipe: Recipe, model: DualEncoderSpec, texts: dict[str, tuple[str, ...]]) -> Recipe:
    given = GivenTextsSpec(texts=texts)
    return recipe.model_copy(update={"model": model.model_copy(update={"texts": given})})
