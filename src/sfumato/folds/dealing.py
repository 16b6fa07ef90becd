"""The parts of every fold, known before any is trained: what is wrong with one is said while it costs nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sfumato.data.sharing import Sharing, Stages
from sfumato.data.splits.leaks import find_leaks, refuse_leaks
from sfumato.data.splits.spec import SplitSpec
from sfumato.data.splits.split import parts
from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.folds.choice import RecipeSource
from sfumato.folds.plan import FoldPlan
from sfumato.preparation.beginning import begin, place_of
from sfumato.preparation.parts import samples_of
from sfumato.preparation.prepare import sharing_of
from sfumato.preparation.preview import preview
from sfumato.recipe.load import Loaded, load_recipe


@dataclass(frozen=True)
class Deal:
    """What each fold begins with."""

    overrides: tuple[dict[str, Any], ...]
    """A fold each: what it changes in the recipe."""
    tables: tuple[Table, ...]
    """A fold each: its usable samples with their parts."""
    sharing: Sharing
    """What was seen of the pictures, which the folds share."""
    notes: tuple[str, ...]


def deal_folds(recipe: RecipeSource, overrides: Mapping[str, Any], plan: FoldPlan, stages: Stages) -> Deal:
    """Look at every picture once, and split the samples as each fold will.

    Mistakes in the recipe are found before a picture is looked at, as `prepare` finds them.

    Args:
        recipe: As `load_recipe` takes it, naming no fold.
        overrides: Likewise.
        plan: The folds.
        stages: Shows how far each stage is.

    Raises:
        InputError: A fold without a sample, one whose training has a single class, or samples that leak; an accepted
            leak that is in no fold; whatever is wrong with the recipe.
    """
    recipes = [load_recipe(recipe, {**overrides, **plan.overrides(index)}) for index in range(len(plan.folds))]
    with recipes[0].located():
        table = samples_of(recipes[0].recipe)
        _check_recipe(recipe, overrides, plan, table)
        sharing = sharing_of(recipes[0].recipe)
        split = recipes[0].recipe.data.split
        usable = sharing(table, stages, clusters=split.near_duplicates == "together").usable
        tables = _tables(usable, recipes, plan)
        accepted = _accepted(tables, split)
        _refuse_idle_accept(split, accepted)
        for own, kinds in zip(tables, accepted, strict=True):
            refuse_leaks(own, split.model_copy(update={"accept": kinds}))
        notes = _never_learnt(tables, plan)
    changes = [_overrides(plan, index, split, kinds) for index, kinds in enumerate(accepted)]
    return Deal(tuple(changes), tuple(tables), sharing, tuple(notes))


def _overrides(plan: FoldPlan, index: int, split: SplitSpec, accepted: Sequence[str]) -> dict[str, Any]:
    """A fold accepts the leaks that are in it: one that is in another fold would have no effect here."""
    return {**plan.overrides(index), **({"data.split.accept": list(accepted)} if split.accept else {})}


def _check_recipe(recipe: RecipeSource, overrides: Mapping[str, Any], plan: FoldPlan, table: Table) -> None:
    """Refuse what can be known to be wrong without a look at the pictures, missing weights included."""
    loaded = load_recipe(recipe, {**overrides, **plan.overrides(0)})
    found = _accepted([parts(table, loaded.recipe.data.split)], loaded.recipe.data.split)[0]
    changes = _overrides(plan, 0, loaded.recipe.data.split, found)
    first = preview(load_recipe(recipe, {**overrides, **changes}).recipe)
    begin(first.recipe, first.model, first.preprocess.size)
    if first.recipe.train.init_from is not None:
        for index in range(len(plan.folds)):
            place_of(load_recipe(recipe, {**overrides, **plan.overrides(index)}).recipe)


def _tables(usable: Table, recipes: Sequence[Loaded], plan: FoldPlan) -> list[Table]:
    """The samples with the parts of each fold, each of which holds out some and trains on what can be learnt."""
    tables = [parts(usable, one.recipe.data.split) for one in recipes]
    there = sum(len(table.part(plan.held_out)) > 0 for table in tables)
    for name, table in zip(plan.names, tables, strict=True):
        if not len(table.part(plan.held_out)):
            expected = f"at most {there} folds" if there > 1 else "more samples"
            raise InputError(f"no sample falls into fold {name}", where=usable.source, expected=expected)
        _refuse_nothing_to_learn(table.part("train"), name, usable.source)
    return tables


def _refuse_nothing_to_learn(train: Table, fold: str, where: str) -> None:
    """Refuse one class that all samples are of; where a sample may be of none, no class at all."""
    many = train.layout.multilabel
    left, wanted = ("no class", "some class") if many else ("a single class", "two classes")
    for task, counts in train.counts.items():
        if (counts > 0).sum() < (1 if many else 2):
            of = f" of {task!r}" if task else ""
            what = f"without fold {fold} {left}{of} is left to train on"
            raise InputError(what, where=where, expected=f"samples of {wanted} in the other folds")


def _accepted(tables: Sequence[Table], split: SplitSpec) -> list[tuple[str, ...]]:
    """The leaks of each fold that the recipe accepts."""
    found = [{leak.kind for leak in find_leaks(table)} for table in tables]
    return [tuple(kind for kind in split.accept if kind in kinds) for kinds in found]


def _refuse_idle_accept(split: SplitSpec, accepted: Sequence[tuple[str, ...]]) -> None:
    for kind in split.accept:
        if not any(kind in kinds for kinds in accepted):
            raise InputError(f"{kind} has no effect: no such leak in any fold", setting="data.split.accept")


def _never_learnt(tables: Sequence[Table], plan: FoldPlan) -> list[str]:
    """A line a fold whose samples hold all there are of a class: its run can't name them."""
    notes: list[str] = []
    for name, table in zip(plan.names, tables, strict=True):
        counts, held = table.part("train").counts, table.part(plan.held_out).counts
        for task, space in table.layout.spaces.items():
            lost = [one for one, n, m in zip(space.names, counts[task], held[task], strict=True) if not n and m]
            if lost:
                named = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
                of = f" of {task}" if task else ""
                notes.append(f"fold {name} holds out every sample{of} of {named}, which its run can't learn")
    return notes
