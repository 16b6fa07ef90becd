"""What an ensemble decides and scores: its policy, its results, and how far it is above its best member."""

from dataclasses import replace
from typing import cast

import numpy as np

from sfumato.decision.abstention import AbstainSpec
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.fusion.fusion import Floats
from sfumato.decision.policy import Policy, Verdicts
from sfumato.decision.policy_fit import fit_policy
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.ensembles.fusing import Fused
from sfumato.ensembles.joined import ROWS_AT_ONCE, Integers
from sfumato.ensembles.layer_gain import layer_gain
from sfumato.ensembles.summary import Comparison, Part
from sfumato.metrics.classification import accuracy, answer_counts
from sfumato.metrics.paired import mcnemar, paired_difference
from sfumato.metrics.results import measure
from sfumato.predictions import UNKNOWN, Predictions

_MOST_CELLS = 10_000_000
"""Of N x C; above, average precision, which sorts every class, is left out."""
_FITTED_CELLS = 2_000_000
"""Of N x C; above, temperature and thresholds, few numbers, are fitted on a part of the samples, drawn by chance."""


def fit_decision(table: Predictions, max_error: float | None, thresholds: ThresholdSpec | None = None) -> Policy:
    """Temperature and, where they are asked for, thresholds and that of abstention, on cross-fitted (N, C) logits.

    Logit adjustment is none of it: the members' policies have made theirs.
    """
    abstain = None if max_error is None else AbstainSpec(max_error=max_error)
    spec = DecisionSpec(abstain=abstain, thresholds=thresholds)
    most = max(1, _FITTED_CELLS // len(table.labels))
    if len(table) > most:
        rows = np.sort(np.random.default_rng(0).permutation(len(table))[:most])
        table = replace(
            table,
            ids=tuple(table.ids[row] for row in cast(list[int], rows.tolist())),
            truth=table.truth[rows],
            logits=table.logits[rows],
            groups=None,
        )
    return fit_policy(table, spec, np.zeros(len(table.labels), dtype=np.int64))


def measure_part(table: Predictions, policy: Policy, fused: Fused, best: int) -> Part | None:
    """Scores of a policy on fused (N, C) logits and of each member; None where no class is known."""
    known = np.flatnonzero(table.truth != UNKNOWN)
    if not len(known):
        return None
    truth, groups = table.truth[known], None if table.groups is None else table.groups[known]
    said = _verdicts(table.logits, known, policy, keep=table.logits.size <= _MOST_CELLS)
    results = measure(
        truth,
        said.predicted,
        said.confidence,
        said.abstained,
        table.labels.names,
        groups,
        probabilities=said.probabilities if len(said.probabilities) else None,
    )
    members = tuple(_accuracy(truth, one[known], len(table.labels)) for one in fused.predicted)
    comparison = _compare(truth, said.predicted, fused.predicted[best, known], groups)
    gain = None if fused.beside is None else layer_gain(fused.beside, table.truth, known, groups)
    return Part(results.to_dict(), members, comparison, gain)


def _compare(truth: Integers, ensemble: Integers, member: Integers, groups: Integers | None) -> Comparison:
    test = mcnemar(truth, ensemble, member)
    return Comparison(
        paired_difference(truth, ensemble, member, "accuracy", groups),
        paired_difference(truth, ensemble, member, "macro_f1", groups),
        test.only_a,
        test.only_b,
        test.p,
    )


def _verdicts(logits: Floats, rows: Integers, policy: Policy, *, keep: bool) -> Verdicts:
    """What the policy says of these rows, some at a time; probabilities of none of them unless they are kept."""
    chunks: list[Verdicts] = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        said = policy.apply(logits[rows[start : start + ROWS_AT_ONCE]])
        chunks.append(said if keep else replace(said, probabilities=said.probabilities[:0]))
    return Verdicts(
        np.concatenate([said.predicted for said in chunks]),
        np.concatenate([said.probabilities for said in chunks]),
        np.concatenate([said.confidence for said in chunks]),
        np.concatenate([said.abstained for said in chunks]),
    )


def _accuracy(truth: Integers, predicted: Integers, classes: int) -> float:
    return float(accuracy(answer_counts(truth, predicted, classes)))
