"""A member of an ensemble: a bundle of one task, whose policy an ensemble can carry."""

from pathlib import Path

from sfumato.bundle.named import NamedBundle, named_bundle
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.policy import Policy
from sfumato.errors import InputError

Member = NamedBundle


def read_member(given: str | Path) -> Member:
    """The member at a path: the folder of a run, a cross-validation or an ensemble, or a bundle.

    Raises:
        InputError: No bundle there, a damaged one, or one of several tasks.
    """
    found = named_bundle(given)
    if found.bundle.tasks.several:
        what = f"a bundle of several tasks ({', '.join(found.bundle.tasks.spaces)})"
        raise InputError(what, where=str(given), expected="bundles of one task; train each task alone to fuse it")
    _refuse_decided(found.policy, str(given))
    return found


def _refuse_decided(policy: AnyPolicy, where: str) -> None:
    """An ensemble fuses honest probabilities at the frequencies of validation; what a member adds would be lost.

    Thresholds change no probability, and the ensemble has its own.
    """
    parts: dict[str, object] = _lost(policy) if isinstance(policy, Policy) else {"misses": policy.misses}
    for name, part in parts.items():
        if part is not None:
            what = f"a bundle with decision.{name}, which an ensemble does not carry"
            raise InputError(what, where=where, expected="members without it")


def _lost(policy: Policy) -> dict[str, object]:
    lost = {"priors": policy.shift, "costs": policy.costs, "sets": policy.sets, "familiar": policy.familiar}
    return {**lost, f"abstain.by: {policy.measure}": policy.measure}
