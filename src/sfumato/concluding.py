"""From what a run's weights say of its pictures to what it decides, and all that it leaves."""

import numpy as np
from numpy.typing import NDArray

from sfumato.console import Console
from sfumato.decided import measure_any
from sfumato.decision.policies import AnyPolicy, write_thresholds
from sfumato.decision.view_policy import fit_view_policy
from sfumato.looking import Looked
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.multilabel_predictions import AnyPredictions
from sfumato.narrowed import narrowed, narrowing_notes, with_narrowing
from sfumato.outcome import make_bundle, write_metrics, write_tau_curve
from sfumato.preparation.prepared import Prepared
from sfumato.report.page import write_report
from sfumato.report.threshold_words import threshold_notes
from sfumato.run_folder import RunFolder
from sfumato.tasks import of_task
from sfumato.training.records import Noted


def conclude(
    folder: RunFolder, prepared: Prepared, looked: Looked, measured: tuple[str, ...], console: Console
) -> None:
    """The policy of each task, scores of the measured parts, bundle and report, written into the run's folder.

    Args:
        folder: Of the run.
        prepared: What it was begun with.
        looked: What its weights say.
        measured: Parts of the data that are scored, of val and test.
        console: Is told of what was chosen.
    """
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
