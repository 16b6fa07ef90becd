"""What the network of a run says of the parts it was not trained on, view by view, and which views are used."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.console import Console
from sfumato.data.progress import Progress, unseen
from sfumato.data.table import Table
from sfumato.data.views import PLAIN, View, kinds
from sfumato.decision.doubt.reference import References
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.view_choice import ViewChoice, choose_views
from sfumato.decision.view_policy import ByView, average_views
from sfumato.json_file import write_json
from sfumato.multilabel_predictions import AnyPredictions, read_predictions
from sfumato.preparation.prepared import Prepared
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder
from sfumato.training.inference import predict_view
from sfumato.training.machine import Machine
from sfumato.training.records import Noted
from sfumato.view_tables import read_view_table, write_view_table

Said = dict[str, ByView]
"""Task -> view -> predictions of one part."""


@dataclass(frozen=True)
class Looked:
    """The parts, as they were looked at."""

    parts: dict[str, Said]
    """`val` and `test`, as far as they have samples, in the views that are used."""
    views: tuple[View, ...]
    """Those, the plain one first."""
    choice: ViewChoice | None
    """What was tried; None = nothing was."""
    references: References
    """By which familiarity was measured; empty = it was not."""

    def averaged(self, policies: Mapping[str, AnyPolicy]) -> dict[str, dict[str, AnyPredictions]]:
        """Part -> task -> one table, the views averaged under the task's policy."""
        return {
            part: {task: average_views(by_view, policies[task]) for task, by_view in said.items()}
            for part, said in self.parts.items()
        }


def look(
    folder: RunFolder,
    prepared: Prepared,
    machine: Machine,
    workers: int,
    references: References,
    show: Progress = unseen,
    *,
    choose: bool,
) -> Looked:
    """Look at the val part in all views asked for, and at the test part in those that are used.

    Where views are asked for, what was said in each is written beside the tables of the parts.

    Args:
        folder: Of the run.
        prepared: Its model has the weights that were kept.
        machine: Of the run; all its processes take part.
        workers: Processes that decode.
        references: By which familiarity is measured; empty = it is not.
        show: Shows the progress through several views.
        choose: False = who averages several runs chooses the views, so both parts are looked at in all of them, and
            this run itself uses the plain one.
    """

    def said(part: str, views: Sequence[View]) -> Said:
        table = prepared.table.part(part)
        shown = show(views, len(views)) if len(views) > 1 else views
        return _said(prepared, table, shown, machine, workers, references) if len(table) else {}

    asked = prepared.views
    val = said("val", asked)
    trained = prepared.table.part("train").counts
    choice = choice_of(prepared.recipe, asked, val, trained) if choose else None
    views = used(asked, choice) if choose else (PLAIN,)
    test = said("test", views if choose else asked)
    parts = {name: found for name, found in (("val", val), ("test", test)) if found}
    if machine.is_main and len(asked) > 1:
        _write(folder, parts)
    return Looked({part: only(found, views) for part, found in parts.items()}, views, choice, references)


def choice_of(
    recipe: Recipe, asked: Sequence[View], val: Said, trained: Mapping[str, NDArray[np.int64]]
) -> ViewChoice | None:
    """What validation says of the views, where the recipe leaves it to choose; `trained`: task -> (C,) images."""
    if recipe.views is None or recipe.views.use == "always" or not val:
        return None
    return choose_views(val, kinds(asked), recipe.decision, trained, recipe.train.select)


def tell(choice: ViewChoice | None, path: Path, console: Console) -> None:
    """Write which views are used, and say it with the reason, where there was a choice."""
    if choice is not None:
        write_json(path, asdict(choice))
        console.note(Noted(f"views: {', '.join(choice.views)}; {choice.reason}"))


def used(asked: Sequence[View], choice: ViewChoice | None) -> tuple[View, ...]:
    """The views that were chosen; all, where there was no choice."""
    return tuple(view for view in asked if choice is None or view.name in choice.views)


def only(said: Said, views: Sequence[View]) -> Said:
    """The same in some views alone."""
    return {task: {view.name: by_view[view.name] for view in views} for task, by_view in said.items()}


def _said(
    prepared: Prepared,
    table: Table,
    views: Iterable[View],
    machine: Machine,
    workers: int,
    references: References,
) -> Said:
    model, preprocess, pictures = prepared.model, prepared.preprocess, prepared.pictures
    each = {
        view.name: predict_view(model, table, view, preprocess, machine, workers, pictures, references)
        for view in views
    }
    return {task: {name: found[task] for name, found in each.items()} for task in table.layout.spaces}


def _write(folder: RunFolder, parts: Mapping[str, Said]) -> None:
    for part, said in parts.items():
        for task, by_view in said.items():
            if len(by_view) > 1:
                write_view_table(folder.view_predictions(part, task), by_view)


def views_of(run: RunFolder, part: str, task: str) -> ByView:
    """What a finished run that left the choice of views said of a part in each of those asked for."""
    plain, path = read_predictions(run.predictions(part, task)), run.view_predictions(part, task)
    return read_view_table(path, plain) if run.load_recipe().recipe.views else {PLAIN.name: plain}
