"""What is made of the runs of all folds: predictions out of fold, policy, scores, summary, page, averaged bundle."""

from collections.abc import Mapping
from dataclasses import dataclass

from sfumato.bundle.folder import read_bundle
from sfumato.data.table import Table
from sfumato.decision.policies import policies_from_dict
from sfumato.decision.policy import Policy, fit_policy
from sfumato.folds.averaged_bundle import make_averaged_bundle
from sfumato.folds.folder import CrossvalFolder, without_fold
from sfumato.folds.plan import FoldPlan
from sfumato.folds.tables import average, fold_scores, joined, out_of_fold, trained_by_any, unmeasured
from sfumato.json_file import write_json
from sfumato.metrics.folds import FoldSummary, summarise
from sfumato.metrics.results import Results
from sfumato.outcome import measure_decisions, measure_verdicts
from sfumato.predictions import Predictions
from sfumato.recipe.load import load_recipe
from sfumato.report.folds_page import write_folds_report
from sfumato.report.folds_picture import draw_folds
from sfumato.report.svg import to_svg
from sfumato.tasks import of_task


@dataclass(frozen=True)
class _Trained:
    """The finished runs."""

    folder: CrossvalFolder
    plan: FoldPlan
    tables: tuple[Table, ...]

    def said(self, part: str, task: str) -> dict[str, Predictions]:
        """What the run of each fold says of its own part."""
        return {
            name: Predictions.read(self.folder.run(index).predictions(part, task))
            for index, name in enumerate(self.plan.names)
        }

    def policies(self, task: str) -> dict[str, Policy]:
        """What the run of each fold decides by."""
        found: dict[str, Policy] = {}
        for index, name in enumerate(self.plan.names):
            bundle, where = read_bundle(self.folder.run(index).bundle), str(self.folder.run(index).bundle)
            found[name] = policies_from_dict(bundle.policy, bundle.tasks, where)[task]
        return found


def conclude(folder: CrossvalFolder) -> None:
    """From the runs of all folds to one policy, its scores, the summary and, last, the bundle."""
    plan = folder.read_plan()
    runs = [folder.run(index) for index in range(len(plan.folds))]
    trained = _Trained(folder, plan, tuple(run.read_table() for run in runs))
    recipe = load_recipe(folder.recipe, plan.overrides(0)).recipe
    counts = trained_by_any(trained.tables)
    oof = {task: _written(out_of_fold(trained.said(plan.held_out, task)), folder, "oof", task) for task in counts}
    policies = {task: fit_policy(oof[task], recipe.decision, counts[task]) for task in counts}
    measured = {of_task("out_of_fold", task): _out_of_fold(trained, oof[task], policies[task], task) for task in oof}
    for task, said in _test(trained, policies).items():
        measured[of_task("test", task)] = measure_decisions(said, policies[task], counts[task])
    results = {name: found.to_dict() for name, found in measured.items() if found.samples}
    scores = tuple(fold_scores(run, name, plan.held_out) for run, name in zip(runs, plan.names, strict=True))
    nothing = {task: unmeasured(table) for task, table in oof.items()}
    summary = summarise(scores, nothing, results, nested=plan.nested)
    _write(folder, summary, recipe.name, recipe.model.backbone)
    make_averaged_bundle(folder.bundle, runs, without_fold(recipe), policies, results)


def _write(folder: CrossvalFolder, summary: FoldSummary, name: str, backbone: str) -> None:
    """The summary, and the same to look at."""
    write_json(folder.summary, summary.to_dict())
    folder.picture.write_text(to_svg(draw_folds(summary)), encoding="utf-8")
    links = [folder.run(index).report.relative_to(folder.path).as_posix() for index in range(len(summary.folds))]
    write_folds_report(folder.report, summary, name, backbone, links)


def _written(said: Predictions, folder: CrossvalFolder, part: str, task: str) -> Predictions:
    said.write(folder.predictions(part, task))
    return said


def _out_of_fold(trained: _Trained, oof: Predictions, policy: Policy, task: str) -> Results:
    """What was decided on held-out samples: nested, each by the run that did not see it; else by the one policy."""
    counts = trained_by_any(trained.tables)[task]
    if not trained.plan.nested:
        return measure_decisions(oof, policy, counts)
    said, policies = trained.said(trained.plan.held_out, task), trained.policies(task)
    verdicts = joined([policies[name].apply(one.known().logits) for name, one in said.items()])
    return measure_verdicts(oof.known(), verdicts, counts)


def _test(trained: _Trained, policies: Mapping[str, Policy]) -> dict[str, Predictions]:
    """What the averaged runs say of the test part, of each task; it is written. Empty where no such part is left."""
    if trained.plan.nested or not len(trained.tables[0].part("test")):
        return {}
    return {
        task: _written(average(list(trained.said("test", task).values()), policy), trained.folder, "test", task)
        for task, policy in policies.items()
    }
