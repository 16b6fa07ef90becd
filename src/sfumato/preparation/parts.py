"""The parts of the samples, as far as a recipe needs them."""

from collections.abc import Sequence

from sfumato.data.source import DataSpec, read_table
from sfumato.data.splits.split import split
from sfumato.data.table import Table
from sfumato.decision.named import check_against_classes, refuse_single_samples
from sfumato.errors import InputError
from sfumato.losses.asymmetric import MANY_LABELS, AsymmetricSpec
from sfumato.metrics.membership import complete
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.family import reads_texts
from sfumato.preparation.elements import with_elements
from sfumato.recipe.checks import refuse_without_validation
from sfumato.recipe.schema import Recipe
from sfumato.recipe.view_checks import refuse_unchosen_views
from sfumato.training.duration import Duration
from sfumato.training.keyframe import Keyframe


def samples_of(recipe: Recipe) -> Table:
    """The samples of a recipe, as its model takes them.

    Raises:
        InputError: Data that can't be read, or lacks the texts that the model reads.
    """
    return as_read(recipe, read_table(recipe.data))


def as_read(recipe: Recipe, table: Table) -> Table:
    """The same samples as the model takes them."""
    worded = with_elements(table, recipe.data.elements)
    return worded.read(texts=reads_texts(recipe.model), pictures=recipe.model.pictures)


def split_unseen(recipe: Recipe, table: Table) -> Table:
    """The split as it is known before any image is looked at: none is bad yet, and no near-duplicate is found."""
    spec, table = recipe.data.split, table.answered
    if table.rows["cluster"].null_count() == len(table):
        spec = spec.model_copy(update={"accept": tuple(kind for kind in spec.accept if kind != "near-duplicates")})
    return split(table, spec)


def completed(recipe: Recipe, table: Table) -> tuple[Recipe, list[str]]:
    """The recipe with what it leaves open where an image may be of several classes, and each choice with its reason."""
    if not table.layout.multilabel:
        return recipe, []
    train, decision, notes = recipe.train, recipe.decision, list[str]()
    if "select" not in train.model_fields_set:
        train = train.model_copy(update={"select": "map"})
        notes += ["train.select: map, since an image may have several classes, whose thresholds are found afterwards"]
    if "calibration" not in decision.model_fields_set:
        decision = decision.model_copy(update={"calibration": "platt"})
        notes += ["decision.calibration: platt, since classes that do not exclude each other are calibrated each alone"]
    timeline = recipe.timeline
    by_texts = isinstance(recipe.model, DualEncoderSpec)
    if not by_texts and len(table.labels) >= MANY_LABELS and all(keyframe.loss is None for keyframe in timeline):
        timeline = _with_loss(timeline, AsymmetricSpec())
        notes += [f"loss: asymmetric, since an image is not of most of {len(table.labels)} classes"]
    return recipe.model_copy(update={"train": train, "decision": decision, "timeline": timeline}), notes


def _with_loss(timeline: tuple[Keyframe, ...], loss: AsymmetricSpec) -> tuple[Keyframe, ...]:
    """The timeline with a loss from its start on."""
    if timeline and timeline[0].at.amount == 0:
        return (timeline[0].model_copy(update={"loss": loss}), *timeline[1:])
    return (Keyframe(at=Duration(0, "ep"), loss=loss), *timeline)


def completed_unread(recipes: Sequence[Recipe]) -> list[Recipe]:
    """The same of data that was not read yet, once for all recipes that share it.

    Where it can't be read a recipe stays as it is: its training says why.
    """
    tables = {one.data.model_dump_json(): one.data for one in recipes}
    read = {key: _readable(data) for key, data in tables.items()}
    found = [(one, read[one.data.model_dump_json()]) for one in recipes]
    return [one if table is None else completed(one, table)[0] for one, table in found]


def _readable(data: DataSpec) -> Table | None:
    try:
        return read_table(data)
    except InputError:
        return None


def validated(recipe: Recipe, table: Table) -> Table:
    """The same table with its parts.

    Raises:
        InputError: It lacks the validation part that the recipe needs, or what of it is known, or is of one group.
    """
    _refuse_one_group(recipe.data, table)
    refuse_without_validation(recipe.train, recipe.decision, len(table.part("val")))
    check_against_classes(recipe.decision, table.layout)
    refuse_single_samples(recipe.decision, table.part("train").counts)
    if not len(table.part("val")):
        refuse_unchosen_views(recipe.views, "no sample stands in the val part")
    if table.layout.multilabel:
        _refuse_unmeasured(recipe, table.part("val"))
    return table


def _refuse_unmeasured(recipe: Recipe, val: Table) -> None:
    """Refuse to choose or promise by whole samples where of none every class is known."""
    if not len(val) or complete(val.membership).any():
        return
    why = "of no validation sample every class is known"
    if recipe.train.select == "accuracy":
        raise InputError(f"accuracy, and {why}", setting="train.select", expected="map, macro_f1 or micro_f1")
    if recipe.decision.misses is not None:
        what = f"{why}, and what share of a sample's classes is missed is known of such samples alone"
        raise InputError(what, setting="decision.misses", mend="leave it out")


def _refuse_one_group(data: DataSpec, table: Table) -> None:
    """A column of groups that was asked for, and would leave nothing to choose or to measure with."""
    groups, split_ = table.rows["group"], data.split
    alone = not groups.null_count() and groups.n_unique() == 1 and len(table.part("train")) == len(table)
    if data.columns.group is not None and alone and (split_.val or split_.test):
        what = f"all {len(table)} samples are of one group, {groups[0]!r}, and a group is never split"
        mend = "name a column of several, or leave it out"
        raise InputError(
            what, where=table.source, setting="data.columns.group", expected="two groups or more", mend=mend
        )
