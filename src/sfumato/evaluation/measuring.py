"""The figures of an evaluation: those of a run, and of how honest and how well ordered its probabilities are."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.ensemble import AnyBundle
from sfumato.decision.policy import Policy, Verdicts
from sfumato.labels import LabelSpace
from sfumato.metrics.honesty import measure_honesty
from sfumato.metrics.results import Results
from sfumato.metrics.selective import aurc_interval
from sfumato.outcome import measure_decisions
from sfumato.predictions import Predictions
from sfumato.report.evidence import Measured
from sfumato.tasks import of_task

MOST_RESAMPLED = 20_000
"""With more samples the area under risk and coverage is left to the page: it sorts them for every resample."""


def measure_bundle(
    said: Mapping[str, Predictions], policies: Mapping[str, Policy], bundle: AnyBundle
) -> dict[str, Measured]:
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


def _measured(said: Predictions, policy: Policy, trained: NDArray[np.int64] | None) -> Measured:
    verdicts, results = policy.apply(said.logits), measure_decisions(said, policy, trained)
    whole = replace(results, scores={**results.scores, **_more(said, verdicts)})
    return Measured("data", said, policy, verdicts, whole)


def _more(said: Predictions, verdicts: Verdicts) -> dict[str, Any]:
    honest = measure_honesty(verdicts.probabilities, said.truth, said.groups).scores
    found = {name: honest[name] for name in ("nll", "brier")}
    if len(said) <= MOST_RESAMPLED:
        found["aurc"] = aurc_interval(verdicts.confidence, verdicts.predicted == said.truth, said.groups)
    return found


def results_of(measured: Mapping[str, Measured]) -> dict[str, Results]:
    """`evaluated`, of several tasks `evaluated.TASK` -> results."""
    return {of_task("evaluated", task): one.results for task, one in measured.items()}
