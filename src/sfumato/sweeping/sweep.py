"""The story of a sweep: space -> trials, one after another or side by side -> the best recipe, measured once."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sfumato.console import Console
from sfumato.errors import InputError, RunError
from sfumato.free_folder import free_folder
from sfumato.preparation.parts import completed_unread
from sfumato.recipe.load import load_recipe
from sfumato.recipe.schema import Recipe
from sfumato.report.sweep_frame import Swept
from sfumato.run import Run
from sfumato.sweeping.folder import SweepFolder, open_sweep
from sfumato.sweeping.space import read_space
from sfumato.sweeping.study import import_optuna
from sfumato.sweeping.trials import run_trials
from sfumato.training.machine import launched
from sfumato.training.stopping import going_on_with

TRIALS = 20
Given = str | Path | Recipe | Mapping[str, Any]


@dataclass(frozen=True)
class Sweep:
    """A finished sweep."""

    folder: Path
    swept: Swept
    """Every trial, the best, and what that reaches on the test part."""

    @cached_property
    def best(self) -> Run:
        """The run of the best trial."""
        if self.swept.best is None:
            raise RunError(f"{self.folder}: no trial reached its end")
        return Run(SweepFolder(self.folder).run(self.swept.best.number).path)

    @property
    def recipe(self) -> Path:
        """best.yaml: the recipe of the best trial."""
        return SweepFolder(self.folder).best


def sweep(  # noqa: PLR0913  # an option each
    recipe: Given | None = None,
    space: str | Path | Mapping[str, Any] | None = None,
    *,
    trials: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    parallel: int = 1,
    prune: bool | None = None,
    resume: str | Path | None = None,
    quiet: bool = False,
) -> Sweep:
    """Search settings for the highest score of the best weights on validation; then measure the test part, once.

    Args:
        recipe: In any form; what is not in the space stays as it says. Its `train.select` is what is searched for.
        space: YAML file or mapping: recipe path -> {low, high, log} or {choices}.
        trials: How many, failed and stopped ones counted; None = 20, or as many as the sweep was begun with.
        overrides: Recipe path -> value, for all trials.
        out: Folder of it all; None = `runs/NAME-sweep`, numbered if need be.
        parallel: Most trials at a time, from 1.
        prune: Whether a trial is stopped once its best epoch is below the median of the others at the same epoch, after
            a quarter of its epochs and five trials; None = yes, or as the sweep was begun.
        resume: Folder of an earlier sweep: trials with an end are kept, interrupted ones go on exactly.
        quiet: Show nothing.

    Raises:
        InputError: A mistake in recipe, space or arguments, or optuna is not installed; nothing was trained.
        Interrupted: Ctrl-C or SIGTERM; the message says how to go on.
        RunError: The first trials all failed.
    """
    import_optuna()
    _check(parallel, trials, resume, (recipe, space, overrides, out))
    if resume is not None:
        folder = open_sweep(resume)
        planned, pruned = folder.read_plan()
        folder.write_plan(trials or planned, prune=pruned if prune is None else prune)
    else:
        folder = _begin(recipe, space, overrides, out, trials or TRIALS, prune=prune is not False)
    with going_on_with(f"sfumato sweep --resume {shlex.quote(str(folder.path))}"):
        return Sweep(folder.path, run_trials(folder, parallel, Console(quiet=quiet)))


def _check(parallel: int, trials: int | None, resume: str | Path | None, given: tuple[object, ...]) -> None:
    if launched()[1] > 1:
        raise InputError(f"{launched()[1]} processes for a sweep", expected="one; it starts its own")
    for name, number in (("--parallel", parallel), ("--trials", trials)):
        if number is not None and number < 1:
            raise InputError(f"{name} {number}", expected="a number from 1")
    if resume is not None and any(given):
        raise InputError("a resumed sweep goes on with its own recipe and space", expected="--resume without a recipe")


def _begin(
    recipe: Given | None,
    space: str | Path | Mapping[str, Any] | None,
    overrides: Mapping[str, Any] | None,
    out: str | Path | None,
    trials: int,
    *,
    prune: bool,
) -> SweepFolder:
    """A new folder; everything that can be known to be wrong is told before it is made."""
    if recipe is None or space is None:
        what = "no recipe" if recipe is None else "no space"
        raise InputError(
            what, expected="sfumato sweep RECIPE --space SPACE.yaml, or --resume with the folder of a sweep"
        )
    loaded = load_recipe(recipe, overrides)
    with loaded.located():
        _ = loaded.recipe.data.given
    (whole,) = completed_unread([loaded.recipe])
    dimensions = read_space(space, whole)
    if loaded.recipe.data.split.val == 0:
        raise InputError("there is no val part to choose by", setting="data.split.val", expected="a share above 0")
    with free_folder(out, f"{loaded.recipe.name}-sweep") as path:
        path.mkdir(parents=True, exist_ok=True)
        folder = SweepFolder(path)
        folder.write_inputs(whole, dimensions, trials, prune=prune)
    return folder
