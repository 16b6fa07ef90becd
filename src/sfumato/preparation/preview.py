"""What a recipe comes to, as far as it is known before a picture is looked at."""

from collections.abc import Mapping

from sfumato.data.assumed import Assumed, assumed_table
from sfumato.errors import InputError
from sfumato.losses.asymmetric import AsymmetricSpec
from sfumato.losses.binary_cross_entropy import BinaryCrossEntropySpec
from sfumato.losses.prototype_contrast import PrototypeContrastSpec
from sfumato.models.class_texts import TemplateTextsSpec
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.family import writes_sequences
from sfumato.models.heads import reads_map
from sfumato.preparation.class_texts import with_class_texts
from sfumato.preparation.model import checked_model
from sfumato.preparation.notes import chosen
from sfumato.preparation.parts import as_read, completed, samples_of, split_unseen, validated
from sfumato.preparation.plan import plan_of, with_given_weights
from sfumato.preparation.prepare import sharing_of
from sfumato.preparation.prepared import Prepared
from sfumato.recipe.schema import Recipe
from sfumato.teaching.agreement import agreed_teacher, introduction


def preview(recipe: Recipe, assumed: Assumed | None = None) -> Prepared:
    """As `prepare`, without decoding an image, loading weights or measuring anything; for `sfumato plan`.

    Args:
        recipe: Its data may be missing.
        assumed: What to take for missing data; None = as `Assumed` says.

    Raises:
        InputError: A mistake in the recipe; data that is assumed although there is some.
    """
    data = recipe.data
    assumption = assumed or Assumed()
    columns, several = _columns(recipe), _of_several(recipe)
    table = assumed_table(assumption, data.split, columns, multilabel=several) if data.source is None else None
    table = as_read(recipe, table) if table else None
    if table is None and assumed is not None:
        what = f"there is data, {recipe.data.source}, so none can be assumed"
        raise InputError(what, setting="data.source", mend="leave out --samples, --classes and --imbalance")
    unseen = [] if table else [_not_looked_at(recipe)]
    table = validated(recipe, table or split_unseen(recipe, samples_of(recipe)))
    recipe, completing = completed(with_given_weights(recipe), table)
    recipe = with_class_texts(recipe if data.source else _named_by_id(recipe), table.layout)
    plan, preprocess = plan_of(recipe, len(table.part("train")))
    teacher = agreed_teacher(recipe.train.distill, table.layout if data.source else None)
    model = checked_model(recipe, table, plan, preprocess, teacher)
    notes = [
        *table.notes,
        *completing,
        *chosen(recipe, table, plan),
        *introduction(recipe.train.distill, teacher),
        *unseen,
    ]
    return Prepared(recipe, table, plan, preprocess, model, notes, sharing_of(recipe).pictures, teacher=teacher)


def _named_by_id(recipe: Recipe) -> Recipe:
    """The same with classes told by their ids, for those that are assumed have no other name."""
    model = recipe.model
    if not isinstance(model, DualEncoderSpec) or isinstance(model.texts, TemplateTextsSpec):
        return recipe
    return recipe.model_copy(update={"model": model.model_copy(update={"texts": TemplateTextsSpec()})})


def _not_looked_at(recipe: Recipe) -> str:
    """What a training will see of the pictures before it begins, and a preview has not."""
    together = recipe.data.split.near_duplicates == "together"
    alike = " and keeps pictures that are nearly the same in one part" if together else ""
    return f"plan: no picture was looked at; training leaves out bad ones{alike}, so its counts may differ a little"


def _of_several(recipe: Recipe) -> bool:
    """Whether a recipe has what only images of several classes have."""
    if writes_sequences(recipe.model):
        return True
    heads = [recipe.model.head, *(keyframe.head for keyframe in recipe.timeline if keyframe.head is not None)]
    losses = [keyframe.loss for keyframe in recipe.timeline if keyframe.loss is not None]
    of_several = any(isinstance(one, BinaryCrossEntropySpec | AsymmetricSpec | PrototypeContrastSpec) for one in losses)
    return of_several or any(map(reads_map, heads)) or writes_sequences(recipe.model)


def _columns(recipe: Recipe) -> str | tuple[str, ...] | None:
    """The label columns a recipe speaks of: those it names, or those that its weights of tasks imply."""
    named, weights = recipe.data.columns.label, recipe.train.task_weights
    if weights is None or isinstance(named, tuple):
        return named
    return tuple(weights) if isinstance(weights, Mapping) else ("first", "second")
