"""Candidates of a run narrowed by the elements found in its samples: fitted on validation, measured on every part."""

from collections.abc import Mapping
from dataclasses import replace

from sfumato.decided import measure_narrowing
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.narrowing import Narrowing, fit_narrowing
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.policy import Policy
from sfumato.labels import LabelSpace
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.metrics.results import Results
from sfumato.multilabel_predictions import AnyPredictions
from sfumato.predictions import Predictions
from sfumato.preparation.seen_elements import read_seen
from sfumato.run_folder import RunFolder


def narrowed(
    policies: Mapping[str, AnyPolicy],
    spec: DecisionSpec,
    folder: RunFolder,
    val: AnyPredictions | None,
    labels: LabelSpace,
) -> dict[str, AnyPolicy]:
    """The policy of the only task with the rule that the recipe asks for; as they are where it asks for none.

    Args:
        policies: Of a run's tasks.
        spec: Of its recipe, which was checked.
        folder: Of the run, with what was found in its samples.
        val: What is said of the validation samples; None = there are none, and tau is given.
        labels: The classes, which say their elements.
    """
    policy = policies.get("")
    if spec.narrow is None or not isinstance(policy, Policy):
        return dict(policies)
    if isinstance(val, Predictions):
        known = val.known()
        rule = fit_narrowing(known.truth, read_seen(folder.elements, known.ids), labels, spec.narrow)
    else:
        assert spec.narrow.tau is not None
        rule = Narrowing(spec.narrow.agree, spec.narrow.tau, tuple(label.elements for label in labels.labels))
    return {"": replace(policy, narrowing=rule)}


def with_narrowing(results: AnyResults, said: AnyPredictions, policy: AnyPolicy, folder: RunFolder) -> AnyResults:
    """The results of some samples with what narrowing does to them, where the policy narrows."""
    if not (isinstance(results, Results) and isinstance(said, Predictions) and isinstance(policy, Policy)):
        return results
    if policy.narrowing is None:
        return results
    return replace(results, narrowing=measure_narrowing(said, policy, read_seen(folder.elements, said.ids)))


def narrowing_notes(policies: Mapping[str, AnyPolicy]) -> list[str]:
    """What the rule is, in words; nothing where there is none."""
    found = [policy.narrowing for policy in policies.values() if isinstance(policy, Policy) and policy.narrowing]
    return [f"decision.narrow: {_when(rule)}" for rule in found]


def _when(rule: Narrowing) -> str:
    """From which sureness on."""
    if rule.tau > 1:
        return "never, since too many validation samples would lose their class at any tau"
    return f"where elements are at least {rule.tau:.4g} sure, among classes of which {rule.agree} was found"
