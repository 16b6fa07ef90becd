"""The figures of an evaluation: those that a run has of its test part."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.ensemble import AnyBundle
from sfumato.decided import measure_any
from sfumato.decision.policies import AnyPolicy
from sfumato.labels import LabelSpace
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.multilabel_predictions import AnyPredictions
from sfumato.report.evidence import AnyMeasured, measured_by
from sfumato.tasks import of_task


def measure_bundle(
    said: Mapping[str, AnyPredictions], policies: Mapping[str, AnyPolicy], bundle: AnyBundle
) -> dict[str, AnyMeasured]:
    """Task -> its measurement, of tasks with a labelled sample."""
    return {
        task: _measured(table.known(), policies[task], trained_counts(bundle, task, table.labels))
        for task, table in said.items()
        if len(table.known())
    }


def trained_counts(bundle: AnyBundle, task: str, labels: LabelSpace) -> NDArray[np.int64] | None:
    """(C,) training images of each class, as the bundle's own results tell; None where they do not."""
    for part in ("test", "val", "out_of_fold"):
        found = cast(dict[str, Any], bundle.results.get(of_task(part, task)) or {})
        rows = {str(row["name"]): row.get("trained") for row in cast(list[dict[str, Any]], found.get("classes", []))}
        if set(rows) == set(labels.names) and all(isinstance(count, int) for count in rows.values()):
            return np.array([rows[name] for name in labels.names], dtype=np.int64)
    return None


def _measured(said: AnyPredictions, policy: AnyPolicy, trained: NDArray[np.int64] | None) -> AnyMeasured:
    return measured_by("data", said, policy, measure_any(said, policy, trained), "the bundle")


def results_of(measured: Mapping[str, AnyMeasured]) -> dict[str, AnyResults]:
    """`evaluated`, of several tasks `evaluated.TASK` -> results."""
    return {of_task("evaluated", task): one.results for task, one in measured.items()}
