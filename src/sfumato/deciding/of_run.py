"""A run's folder with another decision: its tables -> policy -> scores -> bundle -> report."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.bundle.folder import read_bundle
from sfumato.console import Console
from sfumato.decided import measure_any
from sfumato.deciding.bundle import write_decided_bundle
from sfumato.deciding.settings import changed_recipe
from sfumato.deciding.tables import refuse_unmeasured, said_of, views_used
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.named import check_against_classes, corrected_later
from sfumato.decision.policies import AnyPolicy, write_thresholds
from sfumato.decision.view_policy import average_views, fit_view_policy
from sfumato.errors import InputError
from sfumato.free_folder import make_folder
from sfumato.json_file import read_json, write_json
from sfumato.looking import Said
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.narrowed import narrowed, narrowing_notes, with_narrowing
from sfumato.outcome import write_metrics, write_tau_curve
from sfumato.preparation.notes import threshold_choices
from sfumato.preparation.prepare import prepare_again
from sfumato.preparation.seen_elements import refuse_unfit_narrowing
from sfumato.recipe.checks import refuse_without_validation
from sfumato.recipe.load import to_yaml
from sfumato.recipe.schema import Recipe
from sfumato.report.page import write_report
from sfumato.report.threshold_words import threshold_notes
from sfumato.run_folder import PLAN_FILES, RunFolder
from sfumato.tasks import TaskLayout, of_task
from sfumato.training.contradictions import refuse_contradictions
from sfumato.training.records import Noted

_KEPT = (*PLAN_FILES, "history.csv", "class_history.csv", "averages.csv", "cost.json", "views.json")
"""What deciding does not touch. Checkpoints and what a teacher answered stay behind: nothing is trained any more."""


def decide_run(source: RunFolder, target: RunFolder, settings: Mapping[str, Any], console: Console) -> None:
    """Write into an empty folder what the run would be, had its recipe had these settings.

    Args:
        source: A finished run; nothing in it is changed.
        target: Where it ends up.
        settings: Recipe path -> value, all below `decision`.
        console: Is told what was chosen.

    Raises:
        InputError: A setting that can't be had, or the run is not finished or damaged.
    """
    _refuse_unfinished(source)
    loaded = changed_recipe(source.recipe, settings)
    bundle, table = read_bundle(source.bundle), source.read_table()
    with loaded.located():
        check_against_classes(loaded.recipe.decision, table.layout)
        refuse_unfit_narrowing(loaded.recipe, table.layout, source.elements)
        _refuse_unfit(source, loaded.recipe, len(table.part("val")))
        refuse_unmeasured(loaded.recipe.decision, bundle, str(source.bundle / "policy.json"))
    trained, views = table.part("train").counts, views_used(bundle, source.bundle)
    parts = said_of(source, views, tuple(trained))
    _copy(source, target)
    target.recipe.write_text(to_yaml(loaded.recipe), encoding="utf-8")
    spec, val = loaded.recipe.decision, parts.get("val", {})
    policies = _policies(val, spec, trained, table.layout)
    measured = average_views(val[""], policies[""]) if "" in val else None
    policies = narrowed(policies, spec, target, measured, next(iter(table.layout.spaces.values())))
    write_thresholds(target.path, policies, table.layout)
    notes = [*threshold_choices(loaded.recipe, table), *threshold_notes(policies, table.layout)]
    notes += narrowing_notes(policies)
    for note in notes:
        console.note(Noted(note))
    results = _write_tables(target, parts, policies, trained, _measured_parts(source))
    write_metrics(target, results)
    _write_notes(source, target, settings, notes)
    write_decided_bundle(target.bundle, bundle, views, loaded.recipe, policies, results, settings)
    write_report(target)


def _refuse_unfit(run: RunFolder, recipe: Recipe, validated: int) -> None:
    """Refuse what the training leaves no room for, such as a second correction of class frequency."""
    refuse_without_validation(recipe.train, recipe.decision, validated)
    later = corrected_later(recipe.decision)
    refuse_contradictions(prepare_again(run).plan, recipe.train.accept, later=later)


def _refuse_unfinished(run: RunFolder) -> None:
    if not run.bundle.exists():
        mend = f"`sfumato train --resume {run.path}` goes on with it"
        raise InputError("no bundle there: the run is not finished", where=str(run.path), mend=mend)


def _measured_parts(run: RunFolder) -> set[str]:
    """The parts that the run measured; a fold leaves its test part to the average of all folds."""
    return {name.partition(".")[0] for name in read_json(run.metrics)}


def _policies(val: Said, spec: DecisionSpec, trained: Mapping[str, Any], layout: TaskLayout) -> dict[str, AnyPolicy]:
    many = layout.multilabel
    return {task: fit_view_policy(val.get(task), spec, counts, multilabel=many) for task, counts in trained.items()}


def _write_tables(
    target: RunFolder,
    parts: Mapping[str, Said],
    policies: Mapping[str, AnyPolicy],
    trained: Mapping[str, Any],
    measured: set[str],
) -> dict[str, AnyResults]:
    """The predictions tables under the new policies; what each part and task scores."""
    results: dict[str, AnyResults] = {}
    for part, said in parts.items():
        for task, by_view in said.items():
            table = average_views(by_view, policies[task])
            table.write(target.predictions(part, task))
            if part == "val":
                write_tau_curve(target, table, policies[task], trained[task], task)
            if part in measured and len(table.known()):
                found = measure_any(table, policies[task], trained[task])
                results[of_task(part, task)] = with_narrowing(found, table, policies[task], target)
    return results


def _copy(source: RunFolder, target: RunFolder) -> None:
    """What stays as it is."""
    make_folder(target.path)
    for name in (*_KEPT, *(str(path.relative_to(source.path)) for path in _view_tables(source))):
        if (source.path / name).is_file():
            make_folder((target.path / name).parent)
            shutil.copyfile(source.path / name, target.path / name)
    for folder in (source.data, source.path / "events"):
        if folder.is_dir():
            shutil.copytree(folder, target.path / folder.name)
    if source.teacher.is_file():
        make_folder(target.teacher.parent)
        shutil.copyfile(source.teacher, target.teacher)


def _view_tables(source: RunFolder) -> list[Path]:
    return sorted((source.path / "predictions").glob("*.views*.parquet"))


def _write_notes(source: RunFolder, target: RunFolder, settings: Mapping[str, Any], notes: list[str]) -> None:
    """The environment of the training, with a note that the decision is a later one, and those on what it chose."""
    known = source.read_environment() if source.environment.is_file() else {}
    changed = ", ".join(f"{path}={json.dumps(value, ensure_ascii=False)}" for path, value in settings.items())
    note = f"decision: fitted anew from {source.path.resolve().name}, with {changed or 'the same settings'}"
    write_json(target.environment, {**known, "notes": [*known.get("notes", []), note, *notes]})
