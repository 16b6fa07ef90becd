"""What a policy says of one input, as people and programs read it.

Shapes: C classes.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.borrowed import BorrowedPolicy
from sfumato.decision.multilabel_policy import MultilabelPolicy, MultilabelVerdicts
from sfumato.decision.narrowing import SeenElements
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.policy import Policy
from sfumato.predict.decisions import Answer
from sfumato.predict.inputs import Input, WithText


def elements_of(source: Input) -> SeenElements | None:
    """The elements found in an input; None = that is not known."""
    return source.elements if isinstance(source, WithText) else None


def kept_classes(policy: AnyPolicy | None, seen: SeenElements | None) -> NDArray[np.bool_] | None:
    """(1, C) which classes may be answered by the elements found in an input; None = all."""
    rule = policy.narrowing if isinstance(policy, Policy) else None
    return None if rule is None or seen is None else rule.kept(seen)


def answer_of(
    policy: AnyPolicy,
    names: tuple[str, ...],
    logits: NDArray[np.float32],
    familiarity: NDArray[np.float32] | None = None,
    kept: NDArray[np.bool_] | None = None,
) -> Answer:
    """What the policy of a task makes of one input.

    Args:
        policy: Of the task.
        names: Its C classes.
        logits: (1, C).
        familiarity: (1,); None = it is not measured.
        kept: (1, C) which classes may be answered; None = all.
    """
    if isinstance(policy, MultilabelPolicy):
        return _labels(policy, policy.apply(logits), names)
    said = policy.apply(logits, familiarity, kept)
    ranked = _ranked(said.probabilities, names)
    label, confidence = names[int(said.predicted[0])], float(said.confidence[0])
    abstained, inside = bool(said.abstained[0]), _inside(said.sets, ranked, names)
    given, near = None if abstained else label, None if familiarity is None else float(familiarity[0])
    return Answer(given, confidence, ranked, policy.calibrator.fitted, abstained, inside, familiarity=near)


def _labels(policy: MultilabelPolicy, said: MultilabelVerdicts, names: tuple[str, ...]) -> Answer:
    """The classes that one picture is said to be of, likeliest first."""
    ranked = _ranked(said.probabilities, names)
    named, inside = _inside(said.named, ranked, names), _inside(said.sets, ranked, names)
    lent, fitted = borrows(policy), policy.calibrator.fitted
    new = tuple(name for name, one in zip(names, policy.thresholds.classes, strict=True) if one.note == "borrowed")
    found = Answer(None, None, ranked, fitted and not lent, abstained=False, set=inside, labels=named)
    return replace(found, borrowed=new) if lent else found


def borrows(policy: AnyPolicy) -> bool:
    """Whether a class has nothing of its own."""
    return isinstance(policy, BorrowedPolicy) and bool(policy.borrows.any())


def _ranked(probabilities: NDArray[np.float64], names: tuple[str, ...]) -> dict[str, float]:
    """Class -> its probability, likeliest first."""
    pairs = zip(names, cast(list[float], probabilities[0].tolist()), strict=True)
    return dict(sorted(pairs, key=lambda item: -item[1]))


def _inside(rows: NDArray[np.bool_] | None, ranked: Iterable[str], names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Those of the ranked names that the only row has; None where there is none."""
    return None if rows is None else tuple(name for name in ranked if rows[0, names.index(name)])
