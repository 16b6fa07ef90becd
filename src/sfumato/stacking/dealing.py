"""The folds that all experts share, dealt over every sample that any of them can look at, and written as a table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from sfumato.data.sharing import Stages
from sfumato.data.source import read_table
from sfumato.data.splits.spec import SplitSpec
from sfumato.data.splits.split import parts
from sfumato.errors import InputError
from sfumato.folds.choice import FoldChoice, Folds, choose_folds
from sfumato.folds.plan import FoldPlan
from sfumato.preparation.beginning import begin
from sfumato.preparation.prepare import sharing_of
from sfumato.preparation.preview import preview
from sfumato.recipe.experts import Experts
from sfumato.recipe.load import load_recipe
from sfumato.recipe.schema import Recipe


def choose(experts: Experts, folds: Folds, *, nested: bool) -> FoldChoice:
    """The folds to run; every expert is checked as far as can be without a look at the pictures.

    Raises:
        InputError: As `choose_folds`; folds by time, which depend on what is dealt with them; a mistake in a recipe.
    """
    first = experts.first
    if first.data.split.by == "time":
        what = "folds by time, which a table of folds can't hold"
        raise InputError(what, setting="data.split.by", expected="chance, or a fold column in the data")
    with next(iter(experts.recipes.values())).located():
        choice = choose_folds(first, {}, folds, nested=nested)
    for one in experts.recipes.values():
        with one.located():
            seen = preview(load_recipe(one.recipe, choice.plan.overrides(0)).recipe)
            begin(seen.recipe, seen.model, seen.preprocess.size)
    return choice


def deal(experts: Experts, plan: FoldPlan, path: Path, stages: Stages) -> None:
    """Look at every picture, deal the samples, and write id, fold and part, `test` or nothing, of each.

    Raises:
        InputError: Nothing can be used, or nothing is left to train on.
    """
    recipe = load_recipe(experts.first, plan.overrides(0)).recipe
    table = read_table(recipe.data).read(texts=experts.reads_texts, pictures=experts.pictures)
    split = recipe.data.split
    usable = sharing_of(recipe)(table, stages, clusters=split.near_duplicates == "together").usable
    part = pl.when((pl.col("part") == "test") & (not plan.nested)).then("part")
    parts(usable, split).rows.select("id", "fold", part).write_csv(path)


def dealt_recipe(recipe: Recipe, path: Path) -> Recipe:
    """The recipe of an expert over the samples as they were dealt."""
    test = "test" in pl.read_csv(path, infer_schema=False)["part"].to_list()
    changes: Mapping[str, Any] = {"test": SplitSpec.model_fields["test"].default} if test else {"test": 0.0}
    split = recipe.data.split.model_copy(update=changes)
    data = recipe.data.model_copy(update={"dealt": str(path.absolute()), "split": split})
    return recipe.model_copy(update={"data": data})
