"""The story of a run: recipe -> table -> model -> plan -> predictions -> policy -> bundle -> report."""

import json
import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.console import Console
from sfumato.data.sharing import Sharing
from sfumato.decided import measure_any
from sfumato.decision.doubt.reference import References
from sfumato.decision.policies import AnyPolicy, write_thresholds
from sfumato.decision.view_policy import fit_view_policy
from sfumato.errors import InputError
from sfumato.json_file import write_json
from sfumato.looking import Looked, look, tell
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.multilabel_predictions import AnyPredictions, read_predictions
from sfumato.narrowed import narrowed, narrowing_notes, with_narrowing
from sfumato.outcome import make_bundle, write_metrics, write_tau_curve
from sfumato.preparation.prepare import prepare, prepare_again
from sfumato.preparation.prepared import Prepared, job_of, machine_of
from sfumato.preparation.seen_elements import write_seen
from sfumato.preparation.self_test import try_out
from sfumato.recipe.load import load_recipe
from sfumato.recipe.schema import Recipe
from sfumato.report.page import write_report
from sfumato.report.threshold_words import threshold_notes
from sfumato.report.timeline import write_plan
from sfumato.run_folder import RunFolder, new_folder, open_folder
from sfumato.tasks import of_task
from sfumato.teaching.answers import taught
from sfumato.teaching.teacher import write_facts
from sfumato.tracking.tracked import Trackers, check_trackers, tracked
from sfumato.training.batches import check_batches
from sfumato.training.branches import fit_branches, told
from sfumato.training.cost import CostMeter
from sfumato.training.device import choose_device
from sfumato.training.listeners import CsvAverages, CsvClasses, CsvHistory, JsonHistory, TensorBoard
from sfumato.training.loader_choice import LoaderChoice, choose_loader
from sfumato.training.loop import fit
from sfumato.training.machine import Machine, launched
from sfumato.training.memory import kept_memory
from sfumato.training.records import Noted
from sfumato.training.references import learn_references
from sfumato.training.stopping import going_on_with, uninterrupted
from sfumato.withholding import conclude_withheld, withhold


@dataclass(frozen=True)
class Run:
    """A finished run, read from its folder."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """The deployable result; `sfumato.load` takes it."""
        return RunFolder(self.folder).bundle

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Scores with intervals: `test` where there is a test part; `val`, which chose the weights, beside it.

        Of several tasks those of each: `test.TASK` and `val.TASK`.
        """
        return cast(dict[str, Any], json.loads(RunFolder(self.folder).metrics.read_text(encoding="utf-8")))

    @cached_property
    def predictions(self) -> dict[str, AnyPredictions]:
        """Predictions tables of the parts that were not trained on; of several tasks each as `PART.TASK`."""
        folder = RunFolder(self.folder)
        tasks = folder.read_table().layout.spaces
        paths = {of_task(part, task): folder.predictions(part, task) for part in ("val", "test") for task in tasks}
        return {name: read_predictions(path) for name, path in paths.items() if path.is_file()}

    def report(self) -> Path:
        """Write the report anew and return its path."""
        return write_report(RunFolder(self.folder))


def train(
    recipe: str | Path | Recipe | Mapping[str, Any] | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    quiet: bool = False,
    measure_test: bool = True,
    sharing: Sharing | None = None,
) -> Run:
    """Train what a recipe says, decide, measure, and leave everything in one folder.

    Args:
        recipe: Path of a YAML file, a Recipe, or its settings as a mapping; None with `resume`.
        overrides: Recipe path -> value, such as {"train.seed": 1}.
        out: Folder of the run; None = `runs/NAME`, numbered if need be.
        resume: Folder of an interrupted run to go on with, exactly where it was last saved.
        quiet: Show nothing.
        measure_test: False = predictions of the test part are written; its scores, and the choice of views, are left to
            who averages runs.
        sharing: What other runs of the same samples in this process saw of them; None = this one looks for itself.

    Raises:
        InputError: Something in the recipe, its data or the arguments is wrong; nothing was written.
        Interrupted: Ctrl-C or SIGTERM once the run has its folder; the message says how to go on.
        RunError: Training failed.
    """
    console = Console(quiet=quiet or launched()[0] > 0)
    if resume is not None and (recipe is not None or overrides or out is not None):
        raise InputError("a resumed run goes on with its own recipe, in its own folder", expected="resume alone")
    if resume is not None and open_folder(resume).bundle.exists():
        console.note(Noted(f"{resume} is finished already"))
        return _finished(open_folder(resume))
    if resume is None:
        folder, prepared, machine, notes = begin_run(recipe, overrides, out, console, sharing)
    else:
        folder, prepared, machine, notes = _take_up(resume, sharing)
    with ExitStack() as stack:
        stack.enter_context(going_on_with(f"sfumato train --resume {shlex.quote(str(folder.path))}"))
        if resume is None:
            write_inputs(folder, prepared, machine, notes)
        trackers = stack.enter_context(tracked(folder, prepared.recipe, console, main=machine.is_main))
        with kept_memory(machine.device.type) as memory:
            console.note(Noted(f"memory: {memory}"))
            loader = choose_loader(job_of(prepared, machine, 0, folder.checkpoints))
            ahead = f", {loader.prefetch} batches ahead each" if loader.workers else ""
            console.note(Noted(f"train.workers: {loader.workers}{ahead}, {loader.reason}"))
            workers = loader.workers
            _fit(folder, prepared, machine, loader, console, trackers, resume=resume is not None)
            references = learn(folder, prepared, machine, workers, console)
            show = console.stage("looking in several views")
            looked = look(folder, prepared, machine, workers, references, show, choose=measure_test)
            withheld = withhold(prepared, machine, workers)
        if machine.is_main:
            tell(looked.choice, folder.views, console)
            conclude_withheld(folder, prepared.recipe.model, looked, withheld)
            decide(folder, prepared, looked, ("val", "test") if measure_test else ("val",), console)
            trackers.conclude(folder)
        machine.wait()
    return Run(folder.path)


def _finished(folder: RunFolder) -> Run:
    """A run whose bundle stands; only its report may have been cut off."""
    if not folder.report.is_file():
        write_report(folder)
    return Run(folder.path)


def begin_run(
    recipe: str | Path | Recipe | Mapping[str, Any] | None,
    overrides: Mapping[str, Any] | None,
    out: str | Path | None,
    console: Console,
    sharing: Sharing | None,
) -> tuple[RunFolder, Prepared, Machine, list[str]]:
    """All that a new run needs, and what was chosen; nothing is written yet."""
    if recipe is None:
        raise InputError("no recipe", expected="the path of a recipe, or --resume with the folder of a run")
    loaded = load_recipe(recipe, overrides)
    with loaded.located(), new_folder(out, loaded.recipe.name) as folder:
        check_trackers(loaded.recipe.train.trackers)
        device = choose_device(loaded.recipe.train.device)
        prepared = prepare(loaded.recipe, device.value, console, sharing)
        machine = machine_of(prepared, device.value)
        check_batches(prepared.model, prepared.plan, machine.processes)
        tried, doubts = try_out(prepared)
    notes = [f"train.device: {device.value}, {device.reason}", *prepared.notes, *tried]
    warnings = [*prepared.warnings, *doubts]
    for note in notes:
        console.note(Noted(note))
    for warning in warnings:
        console.note(Noted(warning, warning=True))
    return folder, prepared, machine, [*notes, *warnings]


def _take_up(resume: str | Path, sharing: Sharing | None) -> tuple[RunFolder, Prepared, Machine, list[str]]:
    """What an interrupted run was begun with; its choices were noted then."""
    folder = open_folder(resume)
    prepared = prepare_again(folder, sharing)
    machine = machine_of(prepared, choose_device(prepared.recipe.train.device).value)
    check_batches(prepared.model, prepared.plan, machine.processes)
    return folder, prepared, machine, []


def write_inputs(folder: RunFolder, prepared: Prepared, machine: Machine, notes: list[str]) -> None:
    """Give the run its folder; half of one could neither be gone on with nor begun anew."""
    with uninterrupted():
        if machine.is_main:
            if prepared.teacher is not None:
                write_facts(folder.teacher, prepared.teacher)
            folder.write_inputs(prepared.recipe, prepared.table, prepared.bad, notes)
            write_seen(folder.elements, prepared.recipe)
            write_plan(prepared.plan, prepared.model, folder.path)
    machine.wait()


def _fit(
    folder: RunFolder,
    prepared: Prepared,
    machine: Machine,
    loader: LoaderChoice,
    console: Console,
    trackers: Trackers,
    *,
    resume: bool,
) -> None:
    """Train; the best weights end up in the model."""
    job = job_of(prepared, machine, loader.workers, folder.checkpoints, console.stage("computing features"))
    job = replace(job, prefetch=loader.prefetch)
    job = taught(job, folder.teacher_answers, prepared.teacher, console)
    history = CsvHistory(folder.history, prepared.table.layout)
    by_column = JsonHistory(folder.history_by_column, prepared.table.layout)
    classes = CsvClasses(folder.class_history)
    averages = CsvAverages(folder.averages)
    cost = CostMeter(folder.cost, machine.device, prepared.model)
    board = TensorBoard(folder.path / "events")
    fit(job, [console, history, by_column, classes, averages, board, cost, trackers], resume=resume)
    branches = fit_branches(job)
    if branches is not None:
        console.note(Noted(told(branches)))
        if machine.is_main:
            write_json(folder.path / "branches.json", branches.to_dict())


def learn(folder: RunFolder, prepared: Prepared, machine: Machine, workers: int, console: Console) -> References:
    """What training pictures are to the weights that were kept, where decisions ask how familiar others are."""
    job = job_of(prepared, machine, workers, folder.checkpoints)
    return learn_references(job, prepared.recipe.decision.measure, console.stage("learning what is familiar"))


def decide(folder: RunFolder, prepared: Prepared, looked: Looked, measured: tuple[str, ...], console: Console) -> None:
    """From predictions to decisions: the policy of each task, scores of the measured parts, bundle and report."""
    val, spec = looked.parts.get("val", {}), prepared.recipe.decision
    trained = prepared.table.part("train").counts
    layout = prepared.table.layout
    policies = {
        task: fit_view_policy(val.get(task), spec, counts, multilabel=layout.multilabel)
        for task, counts in trained.items()
    }
    said = looked.averaged(policies)
    labels = next(iter(layout.spaces.values()))
    policies = narrowed(policies, spec, folder, said.get("val", {}).get(""), labels)
    write_thresholds(folder.path, policies, layout)
    for note in [*threshold_notes(policies, layout), *narrowing_notes(policies)]:
        console.note(Noted(note))
    for part, tasks in said.items():
        for task, predictions in tasks.items():
            predictions.write(folder.predictions(part, task))
    results = {
        of_task(part, task): _measured(folder, predictions, policies[task], trained[task])
        for part, tasks in said.items()
        for task, predictions in tasks.items()
        if part in measured and len(predictions.known())
    }
    for task, predictions in said.get("val", {}).items():
        write_tau_curve(folder, predictions, policies[task], trained[task], task)
    write_metrics(folder, results)
    make_bundle(folder, prepared, policies, results, looked.views, looked.references)
    write_report(folder)


def _measured(
    folder: RunFolder, predictions: AnyPredictions, policy: AnyPolicy, trained: NDArray[np.int64]
) -> AnyResults:
    return with_narrowing(measure_any(predictions, policy, trained), predictions, policy, folder)
