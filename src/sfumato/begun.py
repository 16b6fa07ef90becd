"""A run that has begun: its recipe and data resolved, its machine chosen, its folder set aside."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfumato.console import Console
from sfumato.data.sharing import Sharing
from sfumato.errors import InputError
from sfumato.preparation.prepare import prepare, prepare_again
from sfumato.preparation.prepared import Prepared, machine_of
from sfumato.preparation.seen_elements import write_seen
from sfumato.preparation.self_test import try_out
from sfumato.recipe.load import load_recipe
from sfumato.recipe.schema import Recipe
from sfumato.report.timeline import write_plan
from sfumato.run_folder import RunFolder, new_folder, open_folder
from sfumato.teaching.teacher import write_facts
from sfumato.tracking.tracked import check_trackers
from sfumato.training.batches import check_batches
from sfumato.training.device import choose_device
from sfumato.training.machine import Machine
from sfumato.training.records import Noted
from sfumato.training.stopping import uninterrupted


@dataclass(frozen=True)
class Begun:
    """What a run goes on with."""

    folder: RunFolder
    prepared: Prepared
    machine: Machine
    notes: tuple[str, ...] = ()
    """What was chosen, and what to beware of; none where it is taken up again, for they were noted then."""


def begin(
    recipe: str | Path | Recipe | Mapping[str, Any] | None,
    overrides: Mapping[str, Any] | None,
    out: str | Path | None,
    console: Console,
    sharing: Sharing | None,
) -> Begun:
    """All that a new run needs; nothing is written yet. Arguments as for `train`.

    Raises:
        InputError: Something in the recipe, its data or the arguments is wrong.
    """
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
    return Begun(folder, prepared, machine, (*notes, *warnings))


def take_up(resume: str | Path, sharing: Sharing | None) -> Begun:
    """What an interrupted run was begun with."""
    folder = open_folder(resume)
    prepared = prepare_again(folder, sharing)
    machine = machine_of(prepared, choose_device(prepared.recipe.train.device).value)
    check_batches(prepared.model, prepared.plan, machine.processes)
    return Begun(folder, prepared, machine)


def write_inputs(begun: Begun, more: list[str] | None = None) -> None:
    """Give the run its folder; half of one could neither be gone on with nor begun anew.

    Args:
        begun: The run.
        more: What else is to be noted.
    """
    folder, prepared = begun.folder, begun.prepared
    with uninterrupted():
        if begun.machine.is_main:
            if prepared.teacher is not None:
                write_facts(folder.teacher, prepared.teacher)
            folder.write_inputs(prepared.recipe, prepared.table, prepared.bad, [*begun.notes, *(more or [])])
            write_seen(folder.elements, prepared.recipe)
            write_plan(prepared.plan, prepared.model, folder.path)
    begun.machine.wait()
