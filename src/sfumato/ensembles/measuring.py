"""What an ensemble decides and scores: its policy, its results, and how far it is above its best member."""

from dataclasses import replace
from typing import cast

import numpy as np

from sfumato.decision.abstention import AbstainSpec
from sfumato.decision.calibrators.one_vs_rest import sigmoid
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.fusion.fusion import Floats
from sfumato.decision.multilabel_fit import fit_multilabel
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.policy import Policy, Verdicts
from sfumato.decision.policy_fit import fit_policy
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.ensembles.against import compare
from sfumato.ensembles.fusing import Fused
from sfumato.ensembles.joined import ROWS_AT_ONCE
from sfumato.ensembles.layer_gain import layer_gain
from sfumato.ensembles.samples import Integers
from sfumato.ensembles.summary import Part
from sfumato.ensembles.told import Answers
from sfumato.metrics.multilabel_results import AnyResults, measure_labels
from sfumato.metrics.results import measure
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions

_MOST_CELLS = 10_000_000
"""Of N x C; above, average precision, which sorts every class, is left out."""
_FITTED_CELLS = 2_000_000
"""Of N x C; above, temperature and thresholds, few numbers, are fitted on a part of the samples, drawn by chance."""


def fit_decision(table: AnyPredictions, max_error: float | None, thresholds: ThresholdSpec | None = None) -> AnyPolicy:
    """Temperature and, where they are asked for, thresholds and that of abstention, on cross-fitted (N, C) logits.

    Of several classes a sample it is a temperature that all share, and thresholds in any case. Logit adjustment is none
    of it: the members' policies have made theirs.
    """
    abstain = None if max_error is None else AbstainSpec(max_error=max_error)
    spec = DecisionSpec(abstain=abstain, thresholds=thresholds)
    part, classes = _part_of(table), len(table.labels)
    if isinstance(part, MultilabelPredictions):
        return fit_multilabel((part,), spec, classes)
    return fit_policy(part, spec, np.zeros(classes, dtype=np.int64))


def _part_of(table: AnyPredictions) -> AnyPredictions:
    """At most so many samples that _FITTED_CELLS suffice."""
    most = max(1, _FITTED_CELLS // len(table.labels))
    if len(table) <= most:
        return table
    rows = np.sort(np.random.default_rng(0).permutation(len(table))[:most])
    ids = tuple(table.ids[row] for row in cast(list[int], rows.tolist()))
    if isinstance(table, MultilabelPredictions):
        return replace(table, ids=ids, truth=table.truth[rows], logits=table.logits[rows], groups=None)
    return replace(table, ids=ids, truth=table.truth[rows], logits=table.logits[rows], groups=None)


def measure_part(table: AnyPredictions, known: Integers, policy: AnyPolicy, fused: Fused, best: int) -> Part | None:
    """Scores of a policy on fused (N, C) logits and of each member; None where nothing is known of any sample.

    Args:
        table: All N samples.
        known: (n,) those of which something is known.
        policy: What decides on the logits.
        fused: What the members made of the samples.
        best: The member to compare with.
    """
    if not len(known):
        return None
    results, answers = _measured(table, known, policy)
    groups = None if table.groups is None else table.groups[known]
    comparison = compare(table.truth[known], answers, fused.answers[best][known], groups)
    gain = None if fused.beside is None else layer_gain(fused.beside, groups)
    return Part(results.to_dict(), fused.right, comparison, gain)


def _measured(table: AnyPredictions, known: Integers, policy: AnyPolicy) -> tuple[AnyResults, Answers]:
    """Results of these rows, and what the policy answers."""
    if isinstance(table, MultilabelPredictions):
        assert isinstance(policy, MultilabelPolicy)
        return _measured_labels(table.known(), policy)
    assert isinstance(policy, Policy)
    said = _verdicts(table.logits, known, policy, keep=table.logits.size <= _MOST_CELLS)
    results = measure(
        table.truth[known],
        said.predicted,
        said.confidence,
        said.abstained,
        table.labels.names,
        None if table.groups is None else table.groups[known],
        probabilities=said.probabilities if len(said.probabilities) else None,
    )
    return results, said.predicted


def _measured_labels(said: MultilabelPredictions, policy: MultilabelPolicy) -> tuple[AnyResults, Answers]:
    """The same of samples of several classes, of which something is known."""
    verdicts, plain = policy.apply(said.logits), sigmoid(said.logits.astype(np.float64))
    about = (said.truth, verdicts.named, plain, verdicts.probabilities, said.labels.names)
    return measure_labels(*about, groups=said.groups), verdicts.named


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
