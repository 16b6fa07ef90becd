"""All checks of a run."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sfumato.data.health.catalogue import SEVERITIES
from sfumato.predict.explainer import Explainer
from sfumato.report.checks.background import background_check
from sfumato.report.checks.catalogue import CHECKS
from sfumato.report.checks.check import Check, skipped
from sfumato.report.checks.of_classes import class_checks
from sfumato.report.checks.of_data import data_checks, label_check
from sfumato.report.checks.of_training import training_checks
from sfumato.report.checks.of_trust import trust_checks
from sfumato.report.evidence import Evidence
from sfumato.report.wrong_labels import WrongLabels

OF_MEASURED = (
    "no-better-than-guessing",
    "promise-broken",
    "measured-on-validation",
    "class-never-named",
    "tail-collapse",
    "miscalibrated",
    "thresholds-unstable",
    "background-shortcut",
    "few-images",
    "class-not-measured",
)
"""Checks that need a measurement."""


def checks_of(
    evidence: Evidence, explainer: Explainer | None, wrong: Mapping[str, WrongLabels | None]
) -> tuple[Check, ...]:
    """Every check of every task: what was found first, the most severe before the others.

    Args:
        evidence: Of a run.
        explainer: Its network; None = it can't be asked.
        wrong: Task -> labels that are likely wrong.
    """
    made = [*data_checks(evidence), *training_checks(evidence)]
    for task, own in evidence.by_task.items():
        made += [replace(one, task=task) for one in _of_task(own, explainer, wrong.get(task), task)]
    order, codes = ("found", "fine", "not applicable"), list(CHECKS)
    return tuple(
        sorted(
            made, key=lambda one: (order.index(one.state), SEVERITIES.index(one.kind.severity), codes.index(one.code))
        )
    )


def _of_task(evidence: Evidence, explainer: Explainer | None, wrong: WrongLabels | None, task: str) -> Iterator[Check]:
    yield label_check(wrong)
    measured, table = evidence.measured, evidence.prepared.table
    if measured is None or not measured.results.samples:
        yield from (skipped(code, "nothing was measured") for code in OF_MEASURED)
        return
    yield from class_checks(evidence, measured)
    yield from trust_checks(measured)
    yield background_check(measured, explainer, dict(zip(table.ids, table.first_images, strict=True)), task)
