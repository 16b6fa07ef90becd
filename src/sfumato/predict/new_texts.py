"""A dual encoder asked about other classes than it was trained on, by their texts alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sfumato.bundle.ensemble import AnyBundle
from sfumato.bundle.folder import Bundle
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.multilabel_fit import fit_multilabel
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policy import Policy
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.models.class_texts import checked
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.predict.building import read_spec
from sfumato.tasks import TaskLayout

Document = dict[str, Any]


def stored_texts(bundle: AnyBundle, where: str) -> dict[str, tuple[str, ...]]:
    """Class -> its texts, as a bundle was trained with them.

    Raises:
        InputError: A bundle whose classes have no texts.
    """
    spec = read_spec(bundle, where) if isinstance(bundle, Bundle) else None
    if not isinstance(spec, DualEncoderSpec) or spec.texts.kind != "given":
        what = "several bundles" if spec is None else f"a model of kind {spec.kind}, whose classes have no texts"
        raise InputError(what, where=where, expected="a bundle of model.kind: dual_encoder")
    return spec.texts.texts


def answering(
    bundle: AnyBundle, texts: Mapping[str, Sequence[str]], where: str, labels: LabelSpace | None = None
) -> Bundle:
    """The bundle with these classes in the place of its own, at the same weights.

    Nothing of its decision was fitted for them: logits become probabilities as they are, and no answer is withheld.

    Args:
        bundle: Of a dual encoder.
        texts: Class -> its texts; two classes or more, where a picture is of one.
        where: Names the bundle in errors.
        labels: The same classes, with what else is known of them; None = nothing is.

    Raises:
        InputError: Another kind of bundle; texts that are empty, or stand twice.
    """
    stored_texts(bundle, where)
    assert isinstance(bundle, Bundle)
    found = checked(texts, "texts")
    if len(found) < 2 and not bundle.tasks.multilabel:
        raise InputError(f"{len(found)} classes", where="texts", expected="two or more, to choose between")
    model = {**bundle.model, "texts": {"kind": "given", "texts": {name: list(some) for name, some in found.items()}}}
    layout = TaskLayout({"": labels or LabelSpace(tuple(found))}, multilabel=bundle.tasks.multilabel)
    policy = {**unfitted(len(found)).to_dict(), **_pooling(bundle)} if bundle.tasks.multilabel else Policy().to_dict()
    return replace(bundle, model=model, tasks=layout, policy=policy, samples=(), references=None)


def _pooling(bundle: Bundle) -> Document:
    """At which temperature its networks are averaged, which is the same for all classes."""
    return {name: value for name, value in bundle.policy.items() if name == "pooling"}


def unfitted(classes: int) -> MultilabelPolicy:
    """Names what is likelier than not, by probabilities as they come."""
    return fit_multilabel((), DecisionSpec(calibration="none"), classes)


def unlike_trained(
    texts: Mapping[str, Sequence[str]], stored: Mapping[str, Sequence[str]], *, multilabel: bool = False
) -> list[str]:
    """What to know of answers by these texts, a line each; `multilabel`: whether a picture may be of several."""
    new = [name for name in texts if name not in stored]
    other = [name for name in texts if name in stored and tuple(texts[name]) != tuple(stored[name])]
    left = [name for name in stored if name not in texts]
    told = (
        ("no picture was trained on of", new),
        ("other texts than in training have", other),
        ("can't be answered any more, having no text:", left),
    )
    lines = [f"{what} {_listed(names)}" for what, names in told if names]
    if multilabel:
        return lines  # a class as it was trained keeps what was fitted for it
    return [*lines, "calibration, thresholds and abstention were fitted for other texts, and are left out"]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:5]))
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
