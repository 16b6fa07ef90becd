"""What is made of the runs of all folds: predictions out of fold, policy, scores, summary, page, averaged bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.folder import read_bundle
from sfumato.console import Console
from sfumato.data.table import Table
from sfumato.data.views import PLAIN, View, expand
from sfumato.decided import AnyDecided, decide_any, joined, measure_any, measure_any_decided
from sfumato.decision.policies import AnyPolicy, policies_from_dict, write_thresholds
from sfumato.decision.view_policy import ByView, average_views, fit_view_policy
from sfumato.folds.averaged_bundle import make_averaged_bundle
from sfumato.folds.folder import CrossvalFolder, without_fold
from sfumato.folds.plan import FoldPlan
from sfumato.folds.scores import fold_scores
from sfumato.folds.tables import average, out_of_fold, trained_by_any, unmeasured
from sfumato.json_file import write_json
from sfumato.looking import Said, choice_of, only, tell, used, views_of
from sfumato.metrics.folds import FoldSummary, summarise
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.multilabel_predictions import AnyPredictions, read_predictions
from sfumato.predictions import Predictions
from sfumato.recipe.load import load_recipe
from sfumato.recipe.schema import Recipe
from sfumato.report.folds_page import write_folds_report
from sfumato.report.folds_picture import draw_folds
from sfumato.report.measurement import ShownWrongLabels, shown_wrong_labels
from sfumato.report.svg import to_svg
from sfumato.report.threshold_words import threshold_notes
from sfumato.report.wrong_labels import write_wrong_labels, wrong_labels
from sfumato.run_folder import RunFolder
from sfumato.tasks import of_task
from sfumato.training.records import Noted
from sfumato.view_tables import read_view_table
from sfumato.withholding import SEEN, ablation_file, measure_withheld, note_of, read_ablation, withheld_table


@dataclass(frozen=True)
class _Trained:
    """The finished runs."""

    folder: CrossvalFolder
    plan: FoldPlan
    tables: tuple[Table, ...]

    @property
    def runs(self) -> list[RunFolder]:
        """A fold each."""
        return [self.folder.run(index) for index in range(len(self.plan.folds))]

    def out_of_fold(self, task: str) -> ByView:
        """The table of all folds, in each view that all of them have."""
        tables = {name: self._by_view(run, task) for name, run in zip(self.plan.names, self.runs, strict=True)}
        first, *others = tables.values()
        shared = [view for view in first if all(view in other for other in others)]
        return {view: out_of_fold({name: tables[name][view] for name in tables}) for view in shared}

    def decided(self, task: str) -> tuple[AnyPredictions, AnyDecided]:
        """The table of all folds as each run decided on its own: what it says in its views, and under its policy."""
        said = {
            name: read_predictions(run.predictions(self.plan.held_out, task))
            for name, run in zip(self.plan.names, self.runs, strict=True)
        }
        bundles = {name: read_bundle(run.bundle) for name, run in zip(self.plan.names, self.runs, strict=True)}
        policies = {name: policies_from_dict(one.policy, one.tasks, name)[task] for name, one in bundles.items()}
        return out_of_fold(said), joined([decide_any(policies[name], one.known()) for name, one in said.items()])

    def _by_view(self, run: RunFolder, task: str) -> ByView:
        """What a run says of its fold. Nested it chose its own views, and wrote each where they are several."""
        if not self.plan.nested:
            return views_of(run, "val", task)
        used, path = read_predictions(run.predictions("test", task)), run.view_predictions("test", task)
        return read_view_table(path, used) if path.is_file() else {PLAIN.name: used}


def conclude(folder: CrossvalFolder, console: Console) -> None:
    """From the runs of all folds to one policy, its scores, the summary and, last, the bundle."""
    plan = folder.read_plan()
    runs = [folder.run(index) for index in range(len(plan.folds))]
    trained = _Trained(folder, plan, tuple(run.read_table() for run in runs))
    recipe = load_recipe(folder.recipe, plan.overrides(0)).recipe
    counts = trained_by_any(trained.tables)
    by_view = {task: trained.out_of_fold(task) for task in counts}
    views = _common_views(recipe, by_view) if plan.nested else _choose_views(folder, recipe, by_view, counts, console)
    by_view = only(by_view, views)
    layout = trained.tables[0].layout
    policies = {
        task: fit_view_policy(by_view[task], recipe.decision, counts[task], multilabel=layout.multilabel)
        for task in counts
    }
    write_thresholds(folder.path, policies, layout)
    for note in threshold_notes(policies, layout):
        console.note(Noted(f"all folds: {note}"))
    measured, oof = _measured(trained, by_view, policies, counts, views)
    results = {name: found.to_dict() for name, found in measured.items() if found.samples}
    scores = tuple(fold_scores(run, name, plan.held_out) for run, name in zip(runs, plan.names, strict=True))
    nothing = {task: unmeasured(table) for task, table in oof.items()}
    summary = summarise(scores, nothing, results, nested=plan.nested)
    _measure_withheld(trained, recipe)
    _write(folder, summary, recipe.name, recipe.model.title, _wrong_labels(folder, oof, trained.tables[0]))
    make_averaged_bundle(folder.bundle, runs, without_fold(recipe), policies, results, views)


def _measured(
    trained: _Trained,
    by_view: Said,
    policies: Mapping[str, AnyPolicy],
    counts: Mapping[str, NDArray[np.int64]],
    views: Sequence[View],
) -> tuple[dict[str, AnyResults], dict[str, AnyPredictions]]:
    """The results of every part and task, and the predictions out of fold of each task; the tables are written."""
    oof: dict[str, AnyPredictions] = {}
    found: dict[str, AnyResults] = {}
    for task, policy in policies.items():
        if trained.plan.nested:
            oof[task], decided = trained.decided(task)
            found[of_task("out_of_fold", task)] = measure_any_decided(oof[task].known(), decided, counts[task])
        else:
            oof[task] = average_views(by_view[task], policy)
            found[of_task("out_of_fold", task)] = measure_any(oof[task], policy, counts[task])
        oof[task].write(trained.folder.predictions("oof", task))
    for task, said in _test(trained, policies, views).items():
        found[of_task("test", task)] = measure_any(said, policies[task], counts[task])
        said.write(trained.folder.predictions("test", task))
    return found, oof


def _choose_views(
    folder: CrossvalFolder, recipe: Recipe, oof: Said, counts: Mapping[str, NDArray[np.int64]], console: Console
) -> tuple[View, ...]:
    """The views that all folds together show to pay; what was tried is said and written."""
    asked = expand(recipe.views)
    choice = choice_of(recipe, asked, oof, counts)
    tell(choice, folder.views, console)
    return used(asked, choice)


def _common_views(recipe: Recipe, oof: Said) -> tuple[View, ...]:
    """The views that every run chose for itself."""
    return tuple(view for view in expand(recipe.views) if all(view.name in by_view for by_view in oof.values()))


def _measure_withheld(trained: _Trained, recipe: Recipe) -> None:
    """What pictures and texts add to networks of both, out of fold; nothing for others."""
    part, names = trained.plan.held_out, trained.plan.names
    runs = dict(zip(names, trained.runs, strict=True))
    if not all(withheld_table(run, part, seen).is_file() for run in runs.values() for seen in SEEN):
        return
    by = {
        seen: out_of_fold({name: Predictions.read(withheld_table(run, part, seen)) for name, run in runs.items()})
        for seen in SEEN
    }
    whole = trained.out_of_fold("")[PLAIN.name]
    note = note_of(recipe.model, chose=not trained.plan.nested)
    found = measure_withheld(cast(Predictions, whole), cast(dict[str, Predictions], by), note)
    write_json(ablation_file(trained.folder.path), found.to_dict())


def _wrong_labels(
    folder: CrossvalFolder, oof: Mapping[str, AnyPredictions], table: Table
) -> dict[str, ShownWrongLabels | None]:
    """Labels that are likely wrong, of each task, with the pictures of the surest; all of them are written."""
    images = dict(zip(table.ids, table.first_images, strict=True))
    found = {task: wrong_labels({"out_of_fold": said}) for task, said in oof.items()}
    write_wrong_labels(folder.path, found, images)
    return {task: shown_wrong_labels(one, images) for task, one in found.items()}


def _write(
    folder: CrossvalFolder,
    summary: FoldSummary,
    name: str,
    backbone: str,
    wrong: Mapping[str, ShownWrongLabels | None],
) -> None:
    """The summary, and the same to look at."""
    write_json(folder.summary, summary.to_dict())
    folder.picture.write_text(to_svg(draw_folds(summary)), encoding="utf-8")
    links = [folder.run(index).report.relative_to(folder.path).as_posix() for index in range(len(summary.folds))]
    write_folds_report(folder.report, summary, name, backbone, links, read_ablation(folder.path), wrong)


def _test(trained: _Trained, policies: Mapping[str, AnyPolicy], views: Sequence[View]) -> dict[str, AnyPredictions]:
    """What the averaged runs say of the test part, of each task. Empty where no such part is left."""
    if trained.plan.nested or not len(trained.tables[0].part("test")):
        return {}
    found: dict[str, AnyPredictions] = {}
    for task, policy in policies.items():
        tables = [views_of(run, "test", task) for run in trained.runs]
        found[task] = average([by_view[view.name] for by_view in tables for view in views], policy)
    return found
