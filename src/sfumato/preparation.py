"""From a recipe to everything that training needs: samples, plan and model, each choice noted with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import torch

from sfumato.console import Console
from sfumato.data.assumed import Assumed, assumed_table
from sfumato.data.pictures import GIGABYTE, Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.progress import Progress, unseen
from sfumato.data.randomness import torch_seed
from sfumato.data.sharing import Sharing
from sfumato.data.source import read_table
from sfumato.data.splits.split import split
from sfumato.data.table import Table
from sfumato.data.views import View, expand, refuse_idle_views
from sfumato.decision.named import check_named, corrected_later
from sfumato.errors import InputError
from sfumato.models.backbone import Expects, expects
from sfumato.models.classifier import Classifier, build_classifier, check_sizes, load_pretrained
from sfumato.recipe.checks import refuse_idle_checkpoints, refuse_without_validation
from sfumato.recipe.schema import Recipe
from sfumato.recipe.view_checks import refuse_unchosen_views
from sfumato.run_folder import RunFolder
from sfumato.teaching.agreement import agreed_teacher, doubts, introduction
from sfumato.teaching.teacher import TeacherFacts, read_facts
from sfumato.training.checkpoint import any_below
from sfumato.training.contradictions import refuse_contradictions
from sfumato.training.device import choose_precision
from sfumato.training.feedback import stopped_short
from sfumato.training.given_weights import check_given_weights, with_read_weights
from sfumato.training.idle_teacher import refuse_idle_teacher
from sfumato.training.interpolation import refuse_idle_interpolation
from sfumato.training.job import Job
from sfumato.training.machine import Machine, Precision
from sfumato.training.parameters import check_learning
from sfumato.training.plan import Plan, make_plan
from sfumato.training.priors import priors
from sfumato.training.soup import refuse_idle_soup
from sfumato.training.task_weights import refuse_idle_tasks


@dataclass(frozen=True)
class Prepared:
    """All that training needs, resolved."""

    recipe: Recipe
    """With nothing left to choose that could change the weights."""
    table: Table
    """Usable samples, each with its part."""
    plan: Plan
    preprocess: Preprocess
    model: Classifier
    notes: list[str]
    """What was chosen, each with its reason."""
    pictures: Pictures
    """Decoded images, as far as they are kept."""
    bad: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Samples that can't be used: id, image, problem."""
    teacher: TeacherFacts | None = None
    """What is known of the bundle that teaches; None = none does."""
    warnings: tuple[str, ...] = ()
    """What a person should know before trusting what comes out."""

    @property
    def views(self) -> tuple[View, ...]:
        """How pictures may be looked at once the network is trained, the plain view first."""
        return expand(self.recipe.views)

    @property
    def precision(self) -> Precision:
        """Of the network's arithmetic; `prepare` has chosen it where the recipe did not."""
        asked = self.recipe.train.precision
        return "fp32" if asked == "auto" else asked


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
    table = assumed_table(assumption, data.split, _columns(recipe)) if data.source is None else None
    if table is None and assumed is not None:
        what = f"there is data, {recipe.data.source}, so none can be assumed"
        raise InputError(what, setting="data.source", mend="leave out --samples, --classes and --imbalance")
    unseen = [] if table else [_not_looked_at(recipe)]
    table = _validated(recipe, table or _split_unseen(recipe, read_table(recipe.data)))
    recipe = _with_read_weights(recipe)
    plan, preprocess = _plan(recipe, len(table.part("train")))
    teacher = agreed_teacher(recipe.train.distill, table.layout if data.source else None)
    model = _checked_model(recipe, table, plan, preprocess, teacher)
    notes = [*table.notes, *_chosen(recipe, table, plan), *introduction(recipe.train.distill, teacher), *unseen]
    return Prepared(recipe, table, plan, preprocess, model, notes, sharing_of(recipe).pictures, teacher=teacher)


def _not_looked_at(recipe: Recipe) -> str:
    """What a training will see of the pictures before it begins, and a preview has not."""
    together = recipe.data.split.near_duplicates == "together"
    alike = " and keeps pictures that are nearly the same in one part" if together else ""
    return f"plan: no picture was looked at; training leaves out bad ones{alike}, so its counts may differ a little"


def prepare(recipe: Recipe, device: str, console: Console, sharing: Sharing | None = None) -> Prepared:
    """Read and check the data, resolve the plan, build the model, choose what the recipe leaves open.

    What can be wrong with a recipe is found before the images are decoded, which may take long. Runs with
    one `sharing` decode and compare them once; None = this one looks for itself.
    """
    table = read_table(recipe.data)
    recipe = _with_read_weights(recipe)
    plan, preprocess = _plan(recipe, len(_split_unseen(recipe, table).part("train")))
    teacher = agreed_teacher(recipe.train.distill, table.layout)
    model = _checked_model(recipe, table, plan, preprocess, teacher)
    origin = load_pretrained(model, recipe.model, preprocess.size)
    sharing = sharing or sharing_of(recipe)
    seen = sharing(table, console.stage, clusters=recipe.data.split.near_duplicates == "together")
    table, pictures = _validated(recipe, split(seen.usable, recipe.data.split)), sharing.pictures
    plan, preprocess = _plan(recipe, len(table.part("train")))
    if not table.layout.several:
        check_given_weights(plan, table.labels.names, table.part("train").class_counts)
    if table.layout.outputs != model.outputs:  # a class had no usable image
        teacher = agreed_teacher(recipe.train.distill, table.layout)
        model = _model(recipe, table, plan, preprocess, teacher)
        load_pretrained(model, recipe.model, preprocess.size)
    kept = (
        f"train.keep_decoded: {len(pictures)} of {len(table)} images kept decoded, {pictures.bytes / GIGABYTE:.2f} GB"
    )
    notes = [*table.notes, *_chosen(recipe, table, plan), f"model.weights: {origin}", kept]
    notes += introduction(recipe.train.distill, teacher)
    warnings = doubts(teacher, table, Path(recipe.data.given).name)
    if recipe.train.precision == "auto":
        choice = choose_precision(device, model, plan.at(plan.steps - 1))
        notes.append(f"train.precision: {choice.value}, {choice.reason}")
        train = recipe.train.model_copy(update={"precision": choice.value})
        recipe = recipe.model_copy(update={"train": train})
    return Prepared(recipe, table, plan, preprocess, model, notes, pictures, seen.bad, teacher, warnings)


def job_of(prepared: Prepared, machine: Machine, workers: int, folder: Path, show: Progress = unseen) -> Job:
    """What the loop is given; `folder` is where its checkpoints go, `show` shows what comes before the first step."""
    return Job(
        model=prepared.model,
        plan=prepared.plan,
        spec=prepared.recipe.train,
        augment=prepared.recipe.augment,
        preprocess=prepared.preprocess,
        train=prepared.table.part("train"),
        val=prepared.table.part("val"),
        machine=machine,
        workers=workers,
        pictures=prepared.pictures,
        folder=folder,
        show=show,
    )


def sharing_of(recipe: Recipe) -> Sharing:
    """Nothing looked at yet, with the room for pictures that the recipe gives."""
    return Sharing(recipe.train.keep_decoded * GIGABYTE)


def prepare_again(folder: RunFolder, sharing: Sharing | None = None) -> Prepared:
    """What `prepare` gave when the run began, from its folder; weights come from its checkpoints, if it has any yet.

    Pictures come from `sharing`, if other runs share theirs.
    """
    loaded = folder.load_recipe()
    table = folder.read_table()
    with loaded.located():
        plan, preprocess = _plan(loaded.recipe, len(table.part("train")))
        teacher = read_facts(folder.teacher) if loaded.recipe.train.distill else None
        model = _model(loaded.recipe, table, plan, preprocess, teacher)
        if not any_below(folder.checkpoints):
            load_pretrained(model, loaded.recipe.model, preprocess.size)
    pictures = (sharing or sharing_of(loaded.recipe)).pictures
    return Prepared(loaded.recipe, table, plan, preprocess, model, [], pictures, teacher=teacher)


def _columns(recipe: Recipe) -> str | tuple[str, ...] | None:
    """The label columns a recipe speaks of: those it names, or those that its weights of tasks imply."""
    named, weights = recipe.data.columns.label, recipe.train.task_weights
    if weights is None or isinstance(named, tuple):
        return named
    return tuple(weights) if isinstance(weights, Mapping) else ("first", "second")


def _chosen(recipe: Recipe, table: Table, plan: Plan) -> list[str]:
    """What is worth a line of the recipe and its plan together."""
    short = recipe.train.stop and stopped_short(recipe.train.stop, plan)
    notes = [*_task_notes(recipe, table, plan), *_prior_notes(recipe, table, plan), *_view_notes(recipe)]
    return [*notes, *([short] if short else [])]


def _view_notes(recipe: Recipe) -> list[str]:
    """What looking at pictures more than once will cost."""
    if recipe.views is None:
        return []
    names = [view.name for view in expand(recipe.views)]
    taken = "all are taken" if recipe.views.use == "always" else "validation says which are taken"
    return [f"views: {', '.join(names)}; {taken}, each costs as much as looking once"]


def _prior_notes(recipe: Recipe, table: Table, plan: Plan) -> list[str]:
    """What becomes of classes of unequal size, from when on, and by which setting."""
    train, notes = table.part("train"), list[str]()
    for task, counts in train.counts.items():
        of = f" of {task}" if task else ""
        names = train.layout.spaces[task].names
        notes += [f"prior{of}: {phase.text}" for phase in priors(plan, counts, names, recipe.train.sampler)]
    later = corrected_later(recipe.decision)
    return [*notes, f"prior: once trained, {later} corrects it"] if later else notes


def _split_unseen(recipe: Recipe, table: Table) -> Table:
    """The split as it is known before any image is looked at: none is bad yet, and no near-duplicate is found."""
    spec = recipe.data.split
    if table.rows["cluster"].null_count() == len(table):
        spec = spec.model_copy(update={"accept": tuple(kind for kind in spec.accept if kind != "near-duplicates")})
    return split(table, spec)


def _validated(recipe: Recipe, table: Table) -> Table:
    """The same table, refused where it lacks the validation part that the recipe needs."""
    refuse_without_validation(recipe.train, recipe.decision, len(table.part("val")))
    check_named(recipe.decision, table.layout)
    if not len(table.part("val")):
        refuse_unchosen_views(recipe.views, "no sample stands in the val part")
    return table


def _plan(recipe: Recipe, samples: int) -> tuple[Plan, Preprocess]:
    wanted: Expects = expects(recipe.model.backbone)
    plan = make_plan(
        recipe.timeline,
        recipe.train.schedule,
        base_lr=recipe.train.optimizer.lr,
        epochs=recipe.train.epochs,
        samples=samples,
        image_size=wanted.image_size,
        head=recipe.model.head,
    )
    refuse_contradictions(plan, recipe.train.accept, later=corrected_later(recipe.decision))
    refuse_idle_checkpoints(recipe.train, plan.clock)
    interpolation = recipe.preprocess.interpolation or wanted.interpolation
    return plan, Preprocess(plan.final_size, recipe.preprocess.fit, interpolation, wanted.mean, wanted.std)


def _task_notes(recipe: Recipe, table: Table, plan: Plan) -> list[str]:
    """What is chosen where there are several tasks and the recipe does not say."""
    balanced = any(plan.tracks["sampler_power"].values)
    if not table.layout.several or not balanced or recipe.train.sampler_task is not None:
        return []
    return [f"train.sampler_task: {table.question(None).name!r}, the first of data.columns.label"]


def _with_read_weights(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"timeline": with_read_weights(recipe.timeline)})


def _model(
    recipe: Recipe, table: Table, plan: Plan, preprocess: Preprocess, teacher: TeacherFacts | None
) -> Classifier:
    """A model with the plan's first head, and random weights that depend on the seed alone."""
    spec = recipe.model.model_copy(update={"head": plan.head_at(0)})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(recipe.train.seed, "init"))
        outputs = table.layout.outputs
        model = build_classifier(spec, outputs, preprocess.size, preprocess.mean, preprocess.std)
        if teacher and teacher.width is not None:
            model.learn_hint(teacher.width)
    if recipe.train.task_weights == "uncertainty":
        model.learn_uncertainty()
    return model


def _checked_model(
    recipe: Recipe, table: Table, plan: Plan, preprocess: Preprocess, teacher: TeacherFacts | None
) -> Classifier:
    """The same, refused where the plan names parameters or tasks it lacks, or sizes it can't take."""
    refuse_idle_tasks(recipe.train.task_weights, recipe.train.sampler_task, table, plan)
    model = _model(recipe, table, plan, preprocess, teacher)
    check_learning(model, plan)
    if recipe.train.distill is not None:
        refuse_idle_teacher(recipe.train.distill, plan, recipe.augment, model)
    if recipe.train.soup is not None:
        refuse_idle_soup(plan)
    if recipe.train.interpolate is not None:
        refuse_idle_interpolation(plan, model)
    if not table.layout.several:
        check_given_weights(plan, table.labels.names, np.ones(len(table.labels), dtype=np.int64))
    check_sizes(model, plan.image_sizes, recipe.model.backbone)
    views = expand(recipe.views)
    refuse_idle_views(views, preprocess)
    check_sizes(model, [view.size for view in views if view.size], recipe.model.backbone, "views.sizes")
    return model
