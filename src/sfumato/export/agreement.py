"""Whether two engines decide alike on the same pictures.

Shapes: N pictures, C logits.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sfumato.bundle.folder import distance
from sfumato.predict.decisions import Decision
from sfumato.predict.inputs import Input
from sfumato.predict.predictor import Predictor


@dataclass(frozen=True)
class Agreement:
    """Of a bundle's answers by its graphs with those by its weights."""

    pictures: int
    """That were compared, N."""
    same: float
    """Share of them with the same decision: class or classes named, and whether an answer was withheld."""
    farthest: float
    """Greatest difference of a logit, relative to the largest of its picture."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def agreement(weights: Predictor, graphs: Predictor, inputs: Sequence[Input]) -> Agreement:
    """Let both look at the same inputs; those that can't be read are left out."""
    pairs = zip(weights.predict(inputs), graphs.predict(inputs), strict=True)
    alike = [_said(one) == _said(other) for one, other in pairs if one.error is None]
    scored = zip(weights.scored(inputs), graphs.scored(inputs), strict=True)
    logits = [
        (one.logits, other.logits)
        for (_, one), (_, other) in scored
        if not isinstance(one, str) and not isinstance(other, str)
    ]
    if not logits:
        return Agreement(0, 1.0, 0.0)
    wanted, found = (np.concatenate(rows) for rows in zip(*logits, strict=True))
    return Agreement(len(alike), float(np.mean(alike)), float(distance(found, wanted).max()))


def _said(decision: Decision) -> tuple[object, ...]:
    answers = decision.answers or {}
    own = (decision.label, decision.labels, decision.abstained)
    return (*own, *((task, one.label, one.labels, one.abstained) for task, one in answers.items()))
