"""The story of a sweep: space -> trials, one after another or side by side -> the best recipe, measured once."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sfumato.console import Console
from sfumato.decision.policies import read_policies
from sfumato.errors import InputError, RunError
from sfumato.free_folder import free_folder
from sfumato.json_file import read_json, write_json
from sfumato.metrics.results import Results
from sfumato.outcome import measure_decisions
from sfumato.predictions import Predictions
from sfumato.processes.pool import Ended, EpochSeen, News, Pool, Training, sharing_note
from sfumato.recipe.load import load_recipe, to_yaml
from sfumato.recipe.schema import Recipe
from sfumato.report.page import write_report
from sfumato.report.svg import to_svg
from sfumato.report.sweep_frame import Swept, best_of
from sfumato.report.sweep_picture import draw_sweep
from sfumato.report.sweep_table import trial_line, write_trials
from sfumato.run import Run
from sfumato.run_folder import RunFolder
from sfumato.sweeping.folder import SweepFolder, open_sweep
from sfumato.sweeping.scores import epoch_scores
from sfumato.sweeping.space import read_space
from sfumato.sweeping.study import Begun, Study, import_optuna
from sfumato.tasks import of_task
from sfumato.training.machine import launched
from sfumato.training.records import Noted
from sfumato.training.stopping import going_on_with

TRIALS = 20
HOPELESS = 3
"""Failures after which a sweep ends in which nothing was trained: the next would fail alike."""
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
        return _Sweeping(folder, parallel, Console(quiet=quiet)).run()


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
    dimensions = read_space(space, loaded.recipe)
    if loaded.recipe.data.split.val == 0:
        raise InputError("there is no val part to choose by", setting="data.split.val", expected="a share above 0")
    with free_folder(out, f"{loaded.recipe.name}-sweep") as path:
        path.mkdir(parents=True, exist_ok=True)
        folder = SweepFolder(path)
        folder.write_inputs(loaded.recipe, dimensions, trials, prune=prune)
    return folder


class _Sweeping:
    """Trials as they are begun, watched and ended."""

    def __init__(self, folder: SweepFolder, parallel: int, console: Console) -> None:
        self._folder, self._parallel, self._console = folder, parallel, console
        self._recipe, self._space = folder.read_recipe(), folder.read_space()
        self._planned, self._prune = folder.read_plan()
        train = self._recipe.train
        self._study = Study(folder.database, self._space, train.seed, train.epochs)
        self._begun: dict[str, Begun] = {}
        self._refused: list[str] = []

    def run(self) -> Sweep:
        """All trials that are left, then what came of them."""
        try:
            self._train()
            return self._conclude()
        finally:
            self._study.close()

    def _train(self) -> None:
        left = self._planned - len(self._study.trials())
        if left < 1:
            return
        note = sharing_note(min(self._parallel, left))
        if note:
            self._console.note(Noted(note))
        with Pool(self._parallel) as pool:
            ends = self._ends(pool.run(self._trainings(), self._is_wanted))
            for problem in self._console.progress(ends, left, f"{self._planned} trials", "trials/s"):
                self._refuse_hopeless(problem)

    def _trainings(self) -> Iterator[Training]:
        """Interrupted trials first, then new ones, each settled only when there is room for it."""
        waiting = self._study.interrupted()
        while waiting or self._study.begun < self._planned:
            begun = waiting.pop(0) if waiting else self._study.begin()
            training = self._folder.training(begun.number)
            try:
                settled = load_recipe(self._recipe, begun.settings, training.name).recipe
            except InputError as error:  # values that are right one by one, and not together
                self._study.fail(begun.number)
                self._refused.append(str(error))
                continue
            training.recipe.parent.mkdir(exist_ok=True)
            training.recipe.write_text(to_yaml(settled), encoding="utf-8")
            self._begun[training.name] = begun
            yield training

    def _is_wanted(self, seen: EpochSeen) -> bool:
        number = self._begun[seen.training.name].number
        scores = epoch_scores(self._folder.run(number), self._recipe.train.select)
        if len(scores) < seen.epochs:  # a resumed run is writing its history anew
            return True
        worth = self._study.is_worth_going_on(number, seen.epochs, scores[seen.epochs - 1])
        return worth or not self._prune

    def _ends(self, news: Iterator[News]) -> Iterator[str | None]:
        """An item a trial that has ended: what was wrong with it, if anything."""
        for one in news:
            yield from self._take_refused()
            if isinstance(one, Ended):
                self._take(one)
                yield one.problem
        yield from self._take_refused()

    def _take_refused(self) -> Iterator[str]:
        while self._refused:
            problem = self._refused.pop(0)
            self._console.note(Noted(problem, warning=True))
            yield problem

    def _take(self, end: Ended) -> None:
        """Tell the study how a trial ended; one that was stopped and had reached its end already is done."""
        begun = self._begun[end.training.name]
        run = self._folder.run(begun.number)
        if end.problem:
            self._study.fail(begun.number)
            self._console.note(Noted(f"{end.training.name}: {end.problem} ({end.training.log})", warning=True))
        elif end.stopped:
            self._study.give_up(begun.number)
        else:
            self._study.finish(begun.number, max(epoch_scores(run, self._recipe.train.select)))
        if not end.problem:
            trial = next(one for one in self._study.trials() if one.number == begun.number)
            self._console.note(Noted(trial_line(trial)))

    def _refuse_hopeless(self, problem: str | None) -> None:
        trials = self._study.trials()
        if problem and len(trials) >= HOPELESS and all(trial.state == "failed" for trial in trials):
            raise RunError(f"the first {len(trials)} trials all failed: {problem}")

    def _conclude(self) -> Sweep:
        """Measure the best trial on the test part, once, and write down what came out."""
        folder, trials = self._folder, self._study.trials()
        best = best_of(trials)
        swept = Swept(self._recipe.train.select, tuple(trials), best, self._study.importance())
        if best is not None:
            swept = replace(swept, test=measure_test(folder.run(best.number)))
            folder.best.write_text(folder.training(best.number).recipe.read_text(encoding="utf-8"), encoding="utf-8")
        write_trials(folder.table, swept)
        folder.picture.write_text(to_svg(draw_sweep(swept)), encoding="utf-8")
        write_json(folder.result, swept.to_dict())
        return Sweep(folder.path, swept)


def measure_test(run: RunFolder) -> dict[str, Results]:
    """Task -> what a run that left its test part alone reaches there; its metrics and report then say so too.

    Empty where there is no such part.
    """
    table = run.read_table()
    policies = read_policies(run.bundle / "policy.json", table.layout)
    trained = table.part("train").counts
    paths = {task: path for task in policies if (path := run.predictions("test", task)).is_file()}
    said = {task: Predictions.read(path).known() for task, path in paths.items()}
    found = {task: measure_decisions(one, policies[task], trained[task]) for task, one in said.items() if len(one)}
    if found:
        own = {of_task("test", task): results.to_dict() for task, results in found.items()}
        write_json(run.metrics, {**read_json(run.metrics), **own})
        write_report(run)
    return found
