"""What policies make of predictions tables, and how good that is; of one class a sample, or of any number."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.calibration import UNFITTED
from sfumato.decision.calibrators.one_vs_rest import sigmoid
from sfumato.decision.costs import CostMatrix
from sfumato.decision.doubt.sureness import Familiarity
from sfumato.decision.multilabel_policy import MultilabelPolicy, MultilabelVerdicts
from sfumato.decision.narrowing import SeenElements, masked
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.policy import Policy, Verdicts
from sfumato.metrics.elements import measure_elements
from sfumato.metrics.intervals import Interval
from sfumato.metrics.multilabel_results import AnyResults, MultilabelResults, measure_labels
from sfumato.metrics.narrowed import NarrowedResults, measure_narrowed
from sfumato.metrics.results import Results, measure, with_sets
from sfumato.metrics.trust import cost_scores, doubt_scores, honesty_scores
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions
from sfumato.predictions import UNKNOWN, Predictions

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Decided:
    """What a policy makes of N samples, with all that its honesty is measured by."""

    verdicts: Verdicts
    plain: NDArray[np.float64]
    """(N, C) probabilities that softmax makes of the logits as they are."""
    sureness: NDArray[np.float64]
    """(N,) by what abstention goes by."""
    costs: CostMatrix | None
    """What answers cost; None = they are not weighed."""


AnyDecided = Decided | MultilabelVerdicts


def decide(policy: Policy, logits: NDArray[np.floating], familiarity: Familiarity = None) -> Decided:
    """What a policy makes of (N, C) logits and, where it was measured, (N,) familiarity."""
    verdicts = policy.apply(logits, familiarity)
    plain = UNFITTED.probabilities(logits)
    return Decided(verdicts, plain, policy.sureness(logits, verdicts, familiarity), policy.costs)


def decide_any(policy: AnyPolicy, said: AnyPredictions) -> AnyDecided:
    """What a policy makes of a table, both of one class a sample or both of any number."""
    if isinstance(said, MultilabelPredictions):
        assert isinstance(policy, MultilabelPolicy)
        return policy.apply(said.logits)
    assert isinstance(policy, Policy)
    return decide(policy, said.logits, said.familiarity)


def joined(parts: Sequence[AnyDecided]) -> AnyDecided:
    """What was decided of several tables of one kind, one after the other, by the same recipe."""
    labels = [one for one in parts if isinstance(one, MultilabelVerdicts)]
    return _joined_labels(labels) if labels else _joined([one for one in parts if isinstance(one, Decided)])


def measure_any(said: AnyPredictions, policy: AnyPolicy, trained: Integers | None = None) -> AnyResults:
    """Scores, with intervals, of what a policy makes of a predictions table; `trained`: (C,) training images.

    Samples of which nothing is known are left out.
    """
    known = said.known()
    return measure_any_decided(known, decide_any(policy, known), trained)


def measure_any_decided(said: AnyPredictions, decided: AnyDecided, trained: Integers | None = None) -> AnyResults:
    """The same of what was decided, of samples of which something is known; one policy or several may have done so."""
    if isinstance(said, MultilabelPredictions):
        assert isinstance(decided, MultilabelVerdicts)
        return measure_named(said, decided, trained)
    assert isinstance(decided, Decided)
    return measure_decided(said, decided, trained)


def measure_decisions(said: Predictions, policy: Policy, trained: Integers | None = None) -> Results:
    """As `measure_any`, of samples of one class each."""
    said = said.known()
    return measure_decided(said, decide(policy, said.logits, said.familiarity), trained)


def measure_narrowing(said: Predictions, policy: Policy, seen: SeenElements) -> NarrowedResults | None:
    """What leaving classes out by the elements found does to the samples of known class; None where none is left out.

    Args:
        said: N samples.
        policy: That decides.
        seen: What was found in the N pictures.
    """
    if policy.narrowing is None:
        return None
    rows, known = np.flatnonzero(said.truth != UNKNOWN), said.known()
    kept, before = policy.narrowing.kept(seen.only(rows)), policy.probabilities(known.logits)
    tau, after = policy.narrowing.tau, masked(before, kept)
    return measure_narrowed(known.truth, before, after, kept, tau, known.groups)


def measure_named(
    said: MultilabelPredictions, verdicts: MultilabelVerdicts, trained: Integers | None = None
) -> MultilabelResults:
    """As `measure_any_decided`, of samples of any number of classes."""
    return measure_labels(
        said.truth,
        verdicts.named,
        sigmoid(said.logits.astype(np.float64)),
        verdicts.probabilities,
        said.labels.names,
        sets=verdicts.sets,
        groups=said.groups,
        trained=trained,
    )


def measure_decided(said: Predictions, decided: Decided, trained: Integers | None = None) -> Results:
    """As `measure_any_decided`, of samples of one class each."""
    verdicts, truth, groups = decided.verdicts, said.truth, said.groups
    results = _measure_verdicts(said, verdicts, trained)
    scores = {
        **honesty_scores(decided.plain, verdicts.probabilities, truth, groups),
        **doubt_scores(decided.sureness, verdicts.predicted == truth, verdicts.sets, truth, groups),
        **_costs(said, decided),
        **results.scores,
    }
    rows = results.classes if verdicts.sets is None else with_sets(results.classes, verdicts.sets, truth, groups)
    elements = measure_elements(truth, verdicts.predicted, said.labels, groups)
    return replace(results, scores=scores, classes=rows, elements=elements)


def _costs(said: Predictions, decided: Decided) -> dict[str, Interval]:
    """What answers cost, where the policy weighs it."""
    if decided.costs is None:
        return {}
    costs, verdicts = np.array(decided.costs.costs), decided.verdicts
    return cost_scores(costs, verdicts.probabilities.argmax(axis=1), verdicts.predicted, said.truth, said.groups)


def _measure_verdicts(said: Predictions, verdicts: Verdicts, trained: Integers | None) -> Results:
    return measure(
        said.truth,
        verdicts.predicted,
        verdicts.confidence,
        verdicts.abstained,
        said.labels.names,
        said.groups,
        probabilities=verdicts.probabilities,
        trained=trained,
    )


def _joined(parts: Sequence[Decided]) -> Decided:
    verdicts = [one.verdicts for one in parts]
    together = Verdicts(
        np.concatenate([one.predicted for one in verdicts]),
        np.concatenate([one.probabilities for one in verdicts]),
        np.concatenate([one.confidence for one in verdicts]),
        np.concatenate([one.abstained for one in verdicts]),
        _sets([one.sets for one in verdicts]),
    )
    plain, sureness = np.concatenate([one.plain for one in parts]), np.concatenate([one.sureness for one in parts])
    return Decided(together, plain, sureness, parts[0].costs)


def _joined_labels(parts: Sequence[MultilabelVerdicts]) -> MultilabelVerdicts:
    return MultilabelVerdicts(
        np.concatenate([one.named for one in parts]),
        np.concatenate([one.probabilities for one in parts]),
        _sets([one.sets for one in parts]),
    )


def _sets(parts: Sequence[NDArray[np.bool_] | None]) -> NDArray[np.bool_] | None:
    """Those of all; None where some part has none."""
    there = [one for one in parts if one is not None]
    return np.concatenate(there) if len(there) == len(parts) else None
