"""The story of a cross-validation: folds are dealt, each has a run, and all of them are concluded in one bundle."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sfumato.console import Console
from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.folds.choice import Folds, RecipeSource, choose_folds
from sfumato.folds.conclusion import conclude
from sfumato.folds.dealing import Deal, deal_folds
from sfumato.folds.folder import CrossvalFolder, open_crossval
from sfumato.folds.tables import refuse_other_data
from sfumato.free_folder import free_folder
from sfumato.metrics.folds import FoldSummary
from sfumato.multilabel_predictions import AnyPredictions, read_predictions
from sfumato.preparation.parts import completed
from sfumato.recipe.decision_checks import refuse_averaged_narrowing, refuse_energy
from sfumato.recipe.load import load_recipe
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

    @property
    def report(self) -> Path:
        """One HTML page of all folds."""
        return CrossvalFolder(self.folder).report

    @cached_property
    def folds(self) -> list[Run]:
        """The run of each fold."""
        folder = CrossvalFolder(self.folder)
        return [Run(folder.run(index).path) for index in range(len(folder.read_plan().folds))]

    @cached_property
    def summary(self) -> FoldSummary:
        """Each fold's scores, their mean and spread, and what was measured over all."""
        return CrossvalFolder(self.folder).read_summary()

    @cached_property
    def predictions(self) -> dict[str, AnyPredictions]:
        """`oof`, every sample by the run that held it out, and `test`, averaged; of several tasks `oof.TASK`."""
        folder = CrossvalFolder(self.folder)
        tasks = folder.run(0).read_table().layout.spaces
        paths = {of_task(part, task): folder.predictions(part, task) for part in ("oof", "test") for task in tasks}
        return {name: read_predictions(path) for name, path in paths.items() if path.is_file()}


def crossval(
    recipe: RecipeSource | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    folds: Folds = "auto",
    nested: bool = False,
    resume: str | Path | None = None,
    quiet: bool = False,
) -> CrossValidation:
    """Train a recipe once for each fold, the fold being held out, and average the runs into one bundle.

    All of what can be wrong with a fold is found before any is trained; every image is decoded once for all of them.

    Args:
        recipe: As `train` takes it; it names no fold. A test part stays out of all folds.
        overrides: Recipe path -> value.
        out: Folder of it all; None = `runs/NAME-cv`, numbered if need be.
        folds: From 2; `given` = those of the data's fold column; `auto` = these where the recipe names such a column,
            else 5.
        nested: Whether the fold only measures: the weights, temperature and thresholds that answer for it are chosen on
            `data.split.val` of the other folds. Else the fold is the val part, and its figures are optimistic.
        resume: Folder of an interrupted cross-validation; finished folds are kept, the interrupted one goes on exactly.
        quiet: Show nothing.

    Raises:
        InputError: Something in the recipe, its data or the arguments is wrong.
        Interrupted: Ctrl-C or SIGTERM; the message says how to go on.
        RunError: Training failed.
    """
    _refuse_several_processes()
    if resume is not None and (recipe is not None or overrides or out is not None or folds != "auto" or nested):
        raise InputError("a resumed cross-validation goes on with its own recipe and folds", expected="resume alone")
    console = Console(quiet=quiet)
    if resume is None:
        folder, deal = _begin(recipe, overrides or {}, out, folds, console, nested=nested)
    else:
        folder, deal = _take_up(open_crossval(resume), console)
    if folder.bundle.exists():
        console.note(Noted(f"{folder.path} is finished already"))
        return CrossValidation(folder.path)
    with going_on_with(_resuming(folder)):
        for index in range(len(folder.read_plan().folds)):
            _run_fold(folder, index, folder.recipe, {}, deal, console)
            _refuse_other_data(folder, folder.run(index).read_table())
        conclude(folder, console)
    return CrossValidation(folder.path)


def _begin(
    recipe: RecipeSource | None,
    overrides: Mapping[str, Any],
    out: str | Path | None,
    folds: Folds,
    console: Console,
    *,
    nested: bool,
) -> tuple[CrossvalFolder, Deal]:
    """A new folder and its first fold, which is run by the recipe as it was given: errors then name its lines."""
    if recipe is None:
        raise InputError(
            "no recipe", expected="the path of a recipe, or --resume with the folder of a cross-validation"
        )
    choice = choose_folds(recipe, overrides, folds, nested=nested)
    loaded = load_recipe(recipe, {**overrides, **choice.plan.overrides(0)})
    given = loaded.recipe
    with loaded.located():
        refuse_energy(given.decision, "the folds' networks are averaged")
        refuse_averaged_narrowing(given.decision)
    with free_folder(out, f"{given.name}-cv") as path:
        deal = deal_folds(recipe, overrides, choice.plan, console.stage)
        for note in (f"folds: {len(choice.plan.folds)}, {choice.reason}", *choice.notes, *deal.notes):
            console.note(Noted(note))
        folder = CrossvalFolder(path)
        folder.write_inputs(completed(given, deal.tables[0])[0], choice.plan)
        try:
            with going_on_with(_resuming(folder)):
                _run_fold(folder, 0, recipe, overrides, deal, console)
        except InputError:
            if not folder.run(0).environment.is_file():  # nothing was begun that could be gone on with
                folder.forget_inputs()
            raise
    return folder, deal


def _take_up(folder: CrossvalFolder, console: Console) -> tuple[CrossvalFolder, Deal | None]:
    """An interrupted cross-validation; where a fold is to be trained yet, its pictures are looked at once more.

    Raises:
        InputError: The data changed since the first fold was dealt.
    """
    plan = folder.read_plan()
    runs = [folder.run(index) for index in range(len(plan.folds))]
    if all(run.bundle.exists() for run in runs):
        return folder, None
    deal = deal_folds(folder.recipe, {}, plan, console.stage)
    if runs[0].environment.is_file():
        _refuse_other_data(folder, deal.tables[0])
    return folder, deal


def _refuse_other_data(folder: CrossvalFolder, now: Table) -> None:
    """Refuse samples that are not those that the first fold was dealt from."""
    refuse_other_data(folder.run(0).read_table(), now, str(folder.path), nested=folder.read_plan().nested)


def _resuming(folder: CrossvalFolder) -> str:
    """The command that goes on with all folds."""
    return f"sfumato crossval --resume {shlex.quote(str(folder.path))}"


def _run_fold(
    folder: CrossvalFolder,
    index: int,
    recipe: RecipeSource,
    overrides: Mapping[str, Any],
    deal: Deal | None,
    console: Console,
) -> None:
    """Run a fold, or go on with it; one that is finished is left as it is. None is dealt where all were trained."""
    plan, run, sharing = folder.read_plan(), folder.run(index), deal.sharing if deal else None
    quiet = console.terminal.quiet
    folder.clear_unbegun(index)
    if run.bundle.exists() and run.report.exists():
        return
    console.note(Noted(f"fold {plan.folds[index]}, {index + 1} of {len(plan.folds)}"))
    if deal is None or run.path.exists():
        train(resume=run.path, quiet=quiet, measure_test=plan.nested, sharing=sharing)
    else:
        settings = {**overrides, **deal.overrides[index], **_precision(folder, index)}
        train(recipe, overrides=settings, out=run.path, quiet=quiet, measure_test=plan.nested, sharing=sharing)


def _precision(folder: CrossvalFolder, index: int) -> dict[str, Any]:
    """That of the first fold, where it was measured: another measurement might choose another one."""
    return {"train.precision": folder.run(0).load_recipe().recipe.train.precision} if index else {}


def _refuse_several_processes() -> None:
    if launched()[1] > 1:
        what = f"{launched()[1]} processes for a cross-validation"
        raise InputError(what, expected="one; several take part in a single run, sfumato train with data.split.fold")
