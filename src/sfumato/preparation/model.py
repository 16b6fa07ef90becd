"""The network of a recipe at its start, refused where the recipe asks of it what it lacks."""

import numpy as np
import torch

from sfumato.data.preprocess import Preprocess
from sfumato.data.randomness import torch_seed
from sfumato.data.table import Table
from sfumato.data.views import expand, refuse_idle_views
from sfumato.models.family import build_model, image_name, learnt_from
from sfumato.models.network import Network
from sfumato.models.sizes import check_sizes
from sfumato.models.vlm.network import Vlm
from sfumato.recipe.schema import Recipe
from sfumato.teaching.teacher import TeacherFacts
from sfumato.training.element_limits import refuse_without_elements
from sfumato.training.given_weights import check_given_weights
from sfumato.training.idle_missing import refuse_idle_missing
from sfumato.training.idle_teacher import refuse_idle_teacher
from sfumato.training.interpolation import refuse_idle_interpolation
from sfumato.training.machine import launched
from sfumato.training.map_heads import refuse_unfit_map_heads
from sfumato.training.multilabel_limits import refuse_unfit
from sfumato.training.name_limits import refuse_unfit_names
from sfumato.training.parameters import check_learning
from sfumato.training.plan import Plan
from sfumato.training.sequence_limits import refuse_unfit_sequences
from sfumato.training.soup import refuse_idle_soup
from sfumato.training.task_weights import refuse_idle_tasks
from sfumato.training.whole_batches import refuse_pieces


def new_model(
    recipe: Recipe, table: Table, plan: Plan, preprocess: Preprocess, teacher: TeacherFacts | None
) -> Network:
    """A model with the plan's first head, and random weights that depend on the seed alone.

    What a text tower must know of texts it learns from those of the train part.
    """
    spec = recipe.model.model_copy(update={"head": plan.head_at(0)})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(recipe.train.seed, "init"))
        outputs, files = table.layout.outputs, learnt_from(spec, table.part("train").texts)
        names = () if table.layout.several else table.layout.labels.names
        model = build_model(spec, outputs, preprocess.size, preprocess.mean, preprocess.std, files, names)
        if isinstance(model, Vlm):
            model.remember_pictures()
        if recipe.train.gradient_checkpointing:
            model.checkpoint_gradients()
        if teacher and teacher.width is not None:
            model.learn_hint(teacher.width)
    if recipe.train.task_weights == "uncertainty":
        model.learn_uncertainty()
    return model


def checked_model(
    recipe: Recipe, table: Table, plan: Plan, preprocess: Preprocess, teacher: TeacherFacts | None
) -> Network:
    """The same, checked against everything that the recipe asks of it.

    Raises:
        InputError: The plan names parameters or tasks it lacks, sizes it can't take, or settings that have no effect.
    """
    refuse_idle_tasks(recipe.train.task_weights, recipe.train.sampler_task, table, plan)
    refuse_unfit_sequences(recipe.model, table)
    refuse_unfit(recipe.train, plan, multilabel=table.layout.multilabel)
    refuse_unfit_map_heads(plan, recipe.model, multilabel=table.layout.multilabel)
    refuse_pieces(plan, recipe.train.accumulate, launched()[1])
    model = new_model(recipe, table, plan, preprocess, teacher)
    check_learning(model, plan)
    refuse_unfit_names(model, plan, table)
    refuse_without_elements(plan, table)
    refuse_idle_missing(plan, model)
    if recipe.train.distill is not None:
        refuse_idle_teacher(recipe.train.distill, plan, recipe.augment, model)
    if recipe.train.soup is not None:
        refuse_idle_soup(plan)
    if recipe.train.interpolate is not None:
        refuse_idle_interpolation(plan, model)
    if not table.layout.several:
        check_given_weights(plan, table.labels.names, np.ones(len(table.labels), dtype=np.int64))
    check_sizes(model, plan.image_sizes, image_name(recipe.model))
    views = expand(recipe.views)
    refuse_idle_views(views, preprocess)
    check_sizes(model, [view.size for view in views if view.size], image_name(recipe.model), "views.sizes")
    return model
