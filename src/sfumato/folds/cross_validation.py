"""The story of a cross-validation: a run a fold -> predictions out of fold -> policy -> averaged bundle -> summary."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sfumato.console import Console
from sfumato.data.table import Table
from sfumato.data.views import View, expand
from sfumato.decision.policy import Policy
from sfumato.decision.view_policy import ByView, average_views, fit_view_policy
from sfumato.errors import InputError
from sfumato.folds.averaged_bundle import make_averaged_bundle
from sfumato.folds.choice import Folds, RecipeSource, choose_folds, fold_overrides
from sfumato.folds.folder import CrossvalFolder, open_crossval, without_fold
from sfumato.folds.tables import (
    average,
    fold_scores,
    out_of_fold,
    refuse_empty_folds,
    refuse_other_data,
    trained_by_any,
    unmeasured,
)
from sfumato.free_folder import free_folder
from sfumato.json_file import write_json
from sfumato.looking import choice_of, only, tell, used, views_of
from sfumato.metrics.folds import FoldSummary, summarise
from sfumato.outcome import measure_decisions
from sfumato.predictions import Predictions
from sfumato.recipe.decision_checks import refuse_energy
from sfumato.recipe.load import load_recipe
from sfumato.report.folds_picture import draw_folds
from sfumato.report.svg import to_svg
from sfumato.run import Run, train
from sfumato.tasks import of_task
from sfumato.training.machine import launched
from sfumato.training.records import Noted
from sfumato.training.stopping import going_on_with


@dataclass(frozen=True)
class CrossValidation:
    """A finished cross-validation, read from its folder."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """One bundle that averages the calibrated probabilities of all folds; `sfumato.load` takes it."""
        return CrossvalFolder(self.folder).bundle

    @property
    def picture(self) -> Path:
        """A dot a fold, with mean and spread, of every score."""
        return CrossvalFolder(self.folder).picture

    @cached_property
    def folds(self) -> list[Run]:
        """The run of each fold."""
        folder = CrossvalFolder(self.folder)
        return [Run(folder.run(index).path) for index in range(len(folder.read_folds()))]

    @cached_property
    def summary(self) -> FoldSummary:
        """Each fold's scores, their mean and spread, and what was measured over all."""
        return CrossvalFolder(self.folder).read_summary()

    @cached_property
    def predictions(self) -> dict[str, Predictions]:
        """`oof`, every sample by the run that held it out, and `test`, averaged; of several tasks `oof.TASK`."""
        folder = CrossvalFolder(self.folder)
        tasks = folder.run(0).read_table().layout.spaces
        paths = {of_task(part, task): folder.predictions(part, task) for part in ("oof", "test") for task in tasks}
        return {name: Predictions.read(path) for name, path in paths.items() if path.is_file()}


def crossval(
    recipe: RecipeSource | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    folds: Folds = "auto",
    resume: str | Path | None = None,
    quiet: bool = False,
) -> CrossValidation:
    """Train a recipe once for each fold, the fold being its val part, and average the runs into one bundle.

    Args:
        recipe: As `train` takes it; it names no fold. A test part stays out of all folds.
        overrides: Recipe path -> value.
        out: Folder of it all; None = `runs/NAME-cv`, numbered if need be.
        folds: From 2; `given` = those of the data's fold column; `auto` = these where the recipe names such a column,
            else 5.
        resume: Folder of an interrupted cross-validation; finished folds are kept, the interrupted one goes on exactly.
        quiet: Show nothing.

    Raises:
        InputError: Something in the recipe, its data or the arguments is wrong.
        Interrupted: Ctrl-C or SIGTERM; the message says how to go on.
        RunError: Training failed.
    """
    _refuse_several_processes()
    if resume is not None and (recipe is not None or overrides or out is not None or folds != "auto"):
        raise InputError("a resumed cross-validation goes on with its own recipe and folds", expected="resume alone")
    console = Console(quiet=quiet)
    folder = _begin(recipe, overrides or {}, out, folds, console) if resume is None else open_crossval(resume)
    if folder.bundle.exists():
        console.note(Noted(f"{folder.path} is finished already"))
        return CrossValidation(folder.path)
    with going_on_with(_resuming(folder)):
        for index in range(len(folder.read_folds())):
            _run_fold(folder, index, folder.recipe, {}, console)
            _check_fold(folder, index)
        _conclude(folder, console)
    return CrossValidation(folder.path)


def _begin(
    recipe: RecipeSource | None, overrides: Mapping[str, Any], out: str | Path | None, folds: Folds, console: Console
) -> CrossvalFolder:
    """A new folder and its first fold, which is run by the recipe as it was given: errors then name its lines."""
    if recipe is None:
        raise InputError(
            "no recipe", expected="the path of a recipe, or --resume with the folder of a cross-validation"
        )
    choice = choose_folds(recipe, overrides, folds)
    loaded = load_recipe(recipe, {**overrides, **fold_overrides(choice.folds, 0)})
    given = loaded.recipe
    with loaded.located():
        refuse_energy(given.decision, "the folds' networks are averaged")
    for note in (f"folds: {len(choice.folds)}, {choice.reason}", *choice.notes):
        console.note(Noted(note))
    with free_folder(out, f"{given.name}-cv") as path:
        folder = CrossvalFolder(path)
        folder.write_inputs(given, choice.folds)
        try:
            with going_on_with(_resuming(folder)):
                _run_fold(folder, 0, recipe, overrides, console)
        except InputError:
            if not folder.run(0).environment.is_file():  # nothing was begun that could be gone on with
                folder.forget_inputs()
            raise
    return folder


def _resuming(folder: CrossvalFolder) -> str:
    """The command that goes on with all folds."""
    return f"sfumato crossval --resume {shlex.quote(str(folder.path))}"


def _run_fold(
    folder: CrossvalFolder, index: int, recipe: RecipeSource, overrides: Mapping[str, Any], console: Console
) -> None:
    """Run a fold, or go on with it; one that is finished is left as it is."""
    folds, run = folder.read_folds(), folder.run(index)
    quiet = console.terminal.quiet
    folder.clear_unbegun(index)
    if run.bundle.exists() and run.report.exists():
        return
    console.note(Noted(f"fold {folds[index]}, {index + 1} of {len(folds)}"))
    if run.path.exists():
        train(resume=run.path, quiet=quiet, measure_test=False)
    else:
        settings = {**overrides, **fold_overrides(folds, index)}
        train(recipe, overrides=settings, out=run.path, quiet=quiet, measure_test=False)


def _check_fold(folder: CrossvalFolder, index: int) -> None:
    """Refuse a fold that is no part of the same whole, before another is trained."""
    names, first = [str(fold) for fold in folder.read_folds()], folder.run(0).read_table()
    refuse_empty_folds(first, names, str(folder.path))
    refuse_other_data(first, folder.run(index).read_table(), names[index], str(folder.path))


def _conclude(folder: CrossvalFolder, console: Console) -> None:
    """From the runs of all folds to one policy, its scores, the summary and, last, the bundle."""
    folds = folder.read_folds()
    runs, names = [folder.run(index) for index in range(len(folds))], [str(fold) for fold in folds]
    tables = [run.read_table() for run in runs]
    recipe = load_recipe(folder.recipe, fold_overrides(folds, 0)).recipe
    trained, tasks = trained_by_any(tables), tables[0].layout.spaces
    by_view = {task: _out_of_fold(folder, names, task) for task in tasks}
    asked = expand(recipe.views)
    choice = choice_of(recipe, asked, by_view, trained)
    tell(choice, folder.views, console)
    views = used(asked, choice)
    by_view = only(by_view, views)
    policies = {task: fit_view_policy(by_view[task], recipe.decision, trained[task]) for task in tasks}
    oof = {task: average_views(by_view[task], policies[task]) for task in tasks}
    for task, found in oof.items():
        found.write(folder.predictions("oof", task))
    said = {"out_of_fold": oof, "test": _test(folder, tables, policies, views)}
    results = {
        of_task(part, task): measure_decisions(found, policies[task], trained[task]).to_dict()
        for part, by_task in said.items()
        for task, found in by_task.items()
        if len(found.known())
    }
    scores = tuple(fold_scores(run, name) for run, name in zip(runs, names, strict=True))
    summary = summarise(scores, {task: unmeasured(table) for task, table in oof.items()}, results)
    write_json(folder.summary, summary.to_dict())
    folder.picture.write_text(to_svg(draw_folds(summary)), encoding="utf-8")
    make_averaged_bundle(folder.bundle, runs, without_fold(recipe), policies, results, views)


def _out_of_fold(folder: CrossvalFolder, names: list[str], task: str) -> ByView:
    """The table of all folds in each view, of one task."""
    tables = {name: views_of(folder.run(i), "val", task) for i, name in enumerate(names)}
    return {view: out_of_fold({name: tables[name][view] for name in names}) for view in tables[names[0]]}


def _test(
    folder: CrossvalFolder, tables: list[Table], policies: Mapping[str, Policy], views: Sequence[View]
) -> dict[str, Predictions]:
    """What the averaged runs say of the test part, of each task; it is written. Empty where there is no such part."""
    if not len(tables[0].part("test")):
        return {}
    found: dict[str, Predictions] = {}
    for task, policy in policies.items():
        each = [views_of(folder.run(index), "test", task) for index in range(len(tables))]
        found[task] = average([by_view[view.name] for by_view in each for view in views], policy)
        found[task].write(folder.predictions("test", task))
    return found


def _refuse_several_processes() -> None:
    if launched()[1] > 1:
        what = f"{launched()[1]} processes for a cross-validation"
        raise InputError(what, expected="one; several take part in a single run, sfumato train with data.split.fold")
