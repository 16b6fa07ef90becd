"""A stage of a cascade to be: a bundle, what it may do, and the predictions tables beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sfumato.bundle.cascade import Role
from sfumato.bundle.ensemble import AnyBundle, Ensemble
from sfumato.bundle.folder import Bundle
from sfumato.bundle.named import NamedBundle, named_bundle
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy
from sfumato.document import parse_document
from sfumato.errors import InputError

NONE = "-"
"""Stands on the command line for a stage that there is not."""
NAMES: dict[Role, str] = {"gate": "GATE", "elements": "ELEMENTS", "products": "PRODUCTS"}


@dataclass(frozen=True)
class Stage(NamedBundle):
    """What a cascade takes of a run, a cross-validation, an ensemble, or a bundle by itself."""

    role: Role

    @property
    def leaves(self) -> tuple[Bundle, ...]:
        """The bundles of networks that it is made of."""
        return tuple(_leaves(self.bundle))

    @property
    def recipes(self) -> tuple[dict[str, Any], ...]:
        """The settings that each of them was trained by."""
        return tuple(parse_document(one.recipe, f"{self.given}/recipe.yaml", Path()).settings for one in self.leaves)

    def setting(self, section: str, name: str) -> Any:
        """The first recipe's value of `data.SECTION.NAME`; None where it has none."""
        data = cast(dict[str, Any], self.recipes[0].get("data") or {})
        return cast(dict[str, Any], data.get(section) or {}).get(name)


def read_stage(role: Role, given: str | Path) -> Stage:
    """The stage at a path: the folder of a run, a cross-validation or an ensemble, or a bundle.

    Raises:
        InputError: No bundle there, a damaged one, or one that can't be this stage.
    """
    found = named_bundle(given)
    _refuse_questions(role, found.bundle, found.given)
    _refuse_decided(role, found.policy, found.given)
    return Stage(found.given, found.folder, found.bundle, role)


def _leaves(bundle: AnyBundle) -> Iterator[Bundle]:
    if isinstance(bundle, Ensemble):
        for member in bundle.members:
            yield from _leaves(member)
    else:
        yield bundle


def _refuse_questions(role: Role, bundle: AnyBundle, where: str) -> None:
    tasks = bundle.tasks
    if tasks.several:
        what = f"a bundle of several tasks ({', '.join(tasks.spaces)})"
        raise InputError(what, where=where, expected=f"a bundle of one task as {NAMES[role]}")
    if tasks.multilabel != (role == "elements"):
        kinds = ("one class a picture", "several classes a picture")
        found, wanted = kinds if role == "elements" else kinds[::-1]
        raise InputError(f"a bundle of {found}", where=where, expected=f"one of {wanted} as {NAMES[role]}")
    if role == "gate" and len(tasks.labels) != 2:
        raise InputError(f"a bundle of {len(tasks.labels)} classes", where=where, expected="one of two classes as GATE")


def _refuse_decided(role: Role, policy: AnyPolicy, where: str) -> None:
    """A gate's threshold is the cascade's; whatever else it decides would be lost, and so would promised sets."""
    lost: dict[str, object] = {}
    if isinstance(policy, MultilabelPolicy):
        lost = {"misses": policy.misses}
    elif role == "gate":
        lost = {"abstain": policy.abstention, "familiar": policy.familiar, "costs": policy.costs, "sets": policy.sets}
    for name, part in lost.items():
        if part is not None:
            what = f"a bundle with decision.{name}, which a cascade does not carry"
            mend = "`sfumato decide` makes it"
            raise InputError(what, where=where, expected=f"{NAMES[role]} without it", mend=mend)
