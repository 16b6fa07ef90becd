"""A bundle asked about other classes than it was trained on, by their texts, and what like classes lend to new ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.ensemble import AnyBundle
from sfumato.bundle.folder import Bundle
from sfumato.decision.borrowed import BorrowedPolicy, borrowed, shares_of
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.document import parse_document
from sfumato.errors import InputError
from sfumato.labels import EXAMPLE, LabelSpace, read_labels
from sfumato.models.class_texts import BilingualTextsSpec, checked, texts_of
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.predict.building import read_spec
from sfumato.predict.new_texts import stored_texts

Texts = Mapping[str, tuple[str, ...]]
Prototypes = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Asked:
    """Classes to be answered with."""

    labels: LabelSpace
    texts: dict[str, tuple[str, ...]]
    """Class -> its texts, in their order."""


def asked_by_texts(texts: Mapping[str, Sequence[str] | str]) -> Asked:
    """Classes named by their texts alone; a single text may stand for a list of one.

    Raises:
        InputError: No class; texts that are empty, or stand twice.
    """
    if not texts:
        raise InputError("no class", where="texts", expected="{class: [text, ...], ...}")
    found = checked({name: (some,) if isinstance(some, str) else some for name, some in texts.items()}, "texts")
    return Asked(LabelSpace(tuple(found)), found)


def asked_by_labels(file: Path, bundle: AnyBundle, where: str, section: str | None = None) -> Asked:
    """The classes of a label file: those the bundle was trained with keep their texts, others get them in its way.

    Args:
        file: labels.yaml.
        bundle: Of a dual encoder.
        where: Names it in errors.
        section: Of the file; None = that of the bundle's recipe if the file has it, else the only one.

    Raises:
        InputError: Another kind of bundle, a file that can't be read, a class without a name or template.
    """
    stored = stored_texts(bundle, where)
    assert isinstance(bundle, Bundle)
    labels = read_labels(file, section or _section_of(bundle, where))
    spec = read_spec(bundle, where)
    assert isinstance(spec, DualEncoderSpec)
    new = labels.only(name for name in labels.names if name not in stored)
    by = getattr(spec.texts, "by", None) or BilingualTextsSpec()
    made = texts_of(by, new) if len(new) else {}
    return Asked(labels, checked({name: stored.get(name) or made[name] for name in labels.names}, str(file)))


def _section_of(bundle: Bundle, where: str) -> str | None:
    """The section of the label file that its recipe read."""
    settings = parse_document(bundle.recipe, f"{where}/recipe.yaml", Path(), EXAMPLE).settings
    data = cast(dict[str, Any], settings.get("data") or {})
    return cast(str | None, (data.get("labels") or {}).get("section"))


def policy_for(
    policy: MultilabelPolicy, before: Texts, after: Texts, prototypes: tuple[Prototypes, Prototypes]
) -> BorrowedPolicy:
    """What decides on the classes of `after`, by the policy of those of `before`.

    A class whose id and texts are those of training keeps what was fitted for it.

    Args:
        policy: Of the S classes of training.
        before: Class -> its texts, in their order.
        after: The same of the C classes that are asked about.
        prototypes: (S, E) and (C, E) by each network.
    """
    places = {name: place for place, name in enumerate(before)}
    own = [places[name] if before.get(name) == some else None for name, some in after.items()]
    cosines = np.mean([new @ old.T for old, new in zip(*prototypes, strict=True)], axis=0)
    return borrowed(policy, shares_of(cosines, own), own)


def lending_lines(policy: BorrowedPolicy, new: Sequence[str], lenders: Sequence[str]) -> list[str]:
    """Which classes lend to each that has nothing of its own, a line each."""
    lines = list[str]()
    for name, share, lent in zip(new, policy.shares, policy.borrows.tolist(), strict=True):
        if lent:
            found = [(lenders[place], share[place]) for place in np.argsort(-share, kind="stable") if share[place]]
            said = ", ".join(f"{lender!r} ({part:.2f})" for lender, part in found)
            lines.append(f"{name!r} was not trained on: its probability and threshold are borrowed from {said}")
    return lines
