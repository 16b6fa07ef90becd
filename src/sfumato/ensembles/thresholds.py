"""The thresholds of an ensemble: by the rule that all its members answer by, fitted anew on what they say together."""

from collections.abc import Sequence

from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.ensembles.member import Member
from sfumato.errors import InputError
from sfumato.report.threshold_words import rule_words


def shared_thresholds(members: Sequence[Member], max_error: float | None) -> ThresholdSpec | None:
    """What the members' recipes ask of thresholds; None where none has any.

    Raises:
        InputError: They differ, so nothing says what the ensemble should have; or they withhold answers, as
            `max_error` would.
    """
    first, *others = (_asked(one) for one in members)
    for member, other in zip(members[1:], others, strict=True):
        if other != first:
            what = f"decision.thresholds: {_words(other)}, and of {members[0].given} {_words(first)}"
            raise InputError(what, where=member.given, expected="members that all have the same, or none")
    if first is not None and first.positive is None and max_error is not None:
        what = "the members withhold answers by thresholds, and nothing would say which did"
        raise InputError(what, where="--max-error", mend="leave it out")
    return first


def _asked(member: Member) -> ThresholdSpec | None:
    if isinstance(member.policy, MultilabelPolicy):
        of_each = member.policy.thresholds
        return ThresholdSpec(rule=of_each.rule, shrinkage=of_each.shrinkage)
    found = member.policy.thresholds
    if found is None:
        return None
    if found.positive is None:
        return ThresholdSpec(rule=found.fitted.rule, shrinkage=found.fitted.shrinkage)
    return ThresholdSpec(rule=found.fitted.rule, positive=member.bundle.labels.names[found.positive])


def _words(asked: ThresholdSpec | None) -> str:
    if asked is None:
        return "none"
    return rule_words(asked.rule) + (
        f" of {asked.positive!r}" if asked.positive else f", shrunk by {asked.shrinkage:g}"
    )
