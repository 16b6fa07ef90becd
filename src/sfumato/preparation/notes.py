"""What a recipe and its plan choose together, each in a line with its reason."""

from sfumato.data.table import Table
from sfumato.data.views import expand
from sfumato.decision.named import corrected_later
from sfumato.decision.thresholds.positive import SETTING, positive_class
from sfumato.recipe.schema import Recipe
from sfumato.tasks import of_task
from sfumato.training.feedback import stopped_short
from sfumato.training.plan import Plan
from sfumato.training.priors import priors


def chosen(recipe: Recipe, table: Table, plan: Plan) -> list[str]:
    """What is worth a line of the recipe and its plan together."""
    short = recipe.train.stop and stopped_short(recipe.train.stop, plan)
    notes = [*_task_notes(recipe, table, plan), *_prior_notes(recipe, table, plan), *_view_notes(recipe)]
    return [*notes, *threshold_choices(recipe, table), *([short] if short else [])]


def _task_notes(recipe: Recipe, table: Table, plan: Plan) -> list[str]:
    """What is chosen where there are several tasks and the recipe does not say."""
    balanced = any(plan.tracks["sampler_power"].values)
    if not table.layout.several or not balanced or recipe.train.sampler_task is not None:
        return []
    return [f"train.sampler_task: {table.question(None).name!r}, the first of data.columns.label"]


def _prior_notes(recipe: Recipe, table: Table, plan: Plan) -> list[str]:
    """What becomes of classes of unequal size, from when on, and by which setting."""
    train, notes = table.part("train"), list[str]()
    if train.layout.multilabel:
        return notes  # classes that do not exclude each other share no prior
    for task, counts in train.counts.items():
        of = f" of {task}" if task else ""
        names = train.layout.spaces[task].names
        notes += [f"prior{of}: {phase.text}" for phase in priors(plan, counts, names, recipe.train.sampler)]
    later = corrected_later(recipe.decision)
    return [*notes, f"prior: once trained, {later} corrects it"] if later else notes


def threshold_choices(recipe: Recipe, table: Table) -> list[str]:
    """Which of two classes has the threshold, of each task, where the recipe does not say."""
    if table.layout.multilabel:
        return []
    train, spaces = table.part("train"), table.layout.spaces
    found = {
        task: positive_class(recipe.decision.thresholds, spaces[task].names, counts)
        for task, counts in train.counts.items()
    }
    return [
        f"{of_task(SETTING, task)}: {spaces[task].names[one.place]!r}, {one.reason}"
        for task, one in found.items()
        if one is not None and one.reason is not None
    ]


def _view_notes(recipe: Recipe) -> list[str]:
    """What looking at pictures more than once will cost."""
    if recipe.views is None:
        return []
    names = [view.name for view in expand(recipe.views)]
    taken = "all are taken" if recipe.views.use == "always" else "validation says which are taken"
    return [f"views: {', '.join(names)}; {taken}, each costs as much as looking once"]
