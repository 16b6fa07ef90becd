"""Choosing the folds: as many as asked for, or those of the data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from sfumato.data.source import read_table
from sfumato.data.table import Table
from sfumato.document import Document
from sfumato.errors import InputError
from sfumato.folds.plan import Fold, FoldPlan
from sfumato.recipe.load import load_recipe, settings_of
from sfumato.recipe.schema import Recipe

AUTO = 5
"""Folds where nobody says; never fitted to the rarest class, whose samples always train if they are too few."""
MOST = 100

RecipeSource = str | Path | Recipe | Mapping[str, Any]
Folds = int | Literal["auto", "given"]


@dataclass(frozen=True)
class FoldChoice:
    """The folds, and why."""

    plan: FoldPlan
    reason: str
    notes: tuple[str, ...] = ()
    """What else was chosen, each with its reason."""


def choose_folds(
    recipe: RecipeSource, overrides: Mapping[str, Any], asked: Folds, *, nested: bool = False
) -> FoldChoice:
    """The folds to run.

    Args:
        recipe: As `load_recipe` takes it; it names no fold, since each is val once.
        overrides: Likewise.
        asked: A number from 2; `given` = those of the data's fold column; `auto` = these where the recipe names such a
            column, else 5.
        nested: Whether a fold only measures, and chooses nothing.

    Raises:
        InputError: No such number, a recipe that names a fold, or data without folds of its own.
    """
    _refuse_number(asked)
    document = settings_of(recipe, overrides)
    _refuse_own_fold(document)
    named = _below(document.settings, "columns").get("fold") is not None
    given = asked == "given" or (asked == "auto" and named)
    dealt: tuple[Fold, ...] = () if given else tuple(range(AUTO if asked == "auto" else cast(int, asked)))
    plan = FoldPlan(dealt or ("any",), nested)
    notes = _notes(_below(document.settings, "split"), plan)
    table = _read(recipe, {**overrides, **plan.overrides(0)}, plan.held_out)
    if given:
        return FoldChoice(FoldPlan(_given(table), nested), "the values of the data's fold column", notes)
    return FoldChoice(plan, "the default" if asked == "auto" else "as asked for", notes)


def _notes(split: Mapping[str, Any], plan: FoldPlan) -> tuple[str, ...]:
    """What the recipe says of the part that each fold becomes."""
    part = plan.held_out
    share = split.get(part)
    said = f"data.split.{part}: {share} gives way to the folds, each of which is the {part} part once"
    return () if share is None else (said,)


def read_choice(text: str) -> Folds:
    """What `--folds` says.

    Raises:
        InputError: Neither a number nor a word that is known.
    """
    if text in ("auto", "given"):
        return text
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST))):
        raise InputError(f"--folds {text[:40]}", expected=f"a number from 2 to {MOST}, auto ({AUTO}) or given")
    return int(text)


def _refuse_number(asked: Folds) -> None:
    number = isinstance(asked, int) and not isinstance(asked, bool) and 2 <= asked <= MOST
    if not number and asked not in ("auto", "given"):
        raise InputError(f"--folds {asked}", expected=f"a number from 2 to {MOST}, auto ({AUTO}) or given")


def _refuse_own_fold(document: Document) -> None:
    """A recipe that names a fold means a single run."""
    split = _below(document.settings, "split")
    for name, idle in (("fold", "null"), ("folds", "null"), ("fold_part", "val")):
        if split.get(name) not in (None, idle):
            setting = f"data.split.{name}"
            what = "is for a single run, and cross-validation holds each fold out once"
            said = "--nested says what a fold is for" if name == "fold_part" else "--folds says how many there are"
            mend = f"leave it out (--set {setting}={idle}); {said}"
            raise InputError(what, setting=setting, where=document.place(setting), mend=mend)


def _below(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A mapping in `data`; empty where there is none, or a mistake that validation will tell."""
    data = settings.get("data")
    found = cast(dict[str, Any], data).get(name) if isinstance(data, dict) else None
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _read(recipe: RecipeSource, overrides: Mapping[str, Any], held_out: str) -> Table:
    """The samples, none of which the data itself may keep for the part that the folds are."""
    loaded = load_recipe(recipe, overrides)
    with loaded.located():
        table = read_table(loaded.recipe.data)
    if held_out in set(table.rows["part"].to_list()):
        raise InputError(
            f"the data gives its own {held_out} part, which would stand in no fold",
            where=table.source,
            mend="make its samples part of train, or train once with sfumato train",
        )
    return table


def _given(table: Table) -> tuple[Fold, ...]:
    """The values of the data's fold column."""
    names = sorted(cast(list[str], table.rows["fold"].drop_nulls().unique().to_list()))
    if len(names) < 2:
        found = f"only one fold, {names[0]!r}, in the data" if names else "no fold column in the data"
        mend = "name it in data.columns.fold, or give --folds a number"
        raise InputError(found, where=table.source, expected="a column with two folds or more", mend=mend)
    return tuple(names)
