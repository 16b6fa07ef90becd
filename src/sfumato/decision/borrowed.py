"""Decisions on classes that nothing was fitted for: each borrows from the classes that were, and are most like it.

Shapes: N samples, C classes that are asked about, S classes that something was fitted for, E dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.thresholds.thresholds import ClassThreshold, Thresholds

Floats = NDArray[np.float64]
LENDERS = 3
"""Classes that one borrows from, where there are as many."""
SHARPNESS = 10.0
"""How much a cosine counts: 0.1 more and a class lends e times as much."""


@dataclass(frozen=True)
class BorrowedPolicy(MultilabelPolicy):
    """A policy of C classes by that of S.

    A class is calibrated as each of its lenders would be, at the same logit, and these probabilities are averaged by
    their shares; so are the thresholds. One that was fitted lends to itself alone, and is decided on as ever. Nothing
    is promised of sets.
    """

    shares: Floats = field(kw_only=True)
    """(C, S) how much each class borrows of each; rows sum to 1."""

    def __post_init__(self) -> None:
        if self.shares.shape != (len(self.thresholds.classes), len(self.calibrator.counts)):
            raise ValueError(f"shares of shape {self.shares.shape}")

    @property
    def borrows(self) -> NDArray[np.bool_]:
        """(C,) whether a class has nothing of its own."""
        return np.array([one.note == "borrowed" for one in self.thresholds.classes])

    def calibrated(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities of (N, C) logits."""
        found, own = np.empty(logits.shape), ~self.borrows
        lender = self.shares[own].argmax(axis=1)
        told = np.zeros((len(logits), self.shares.shape[1]), dtype=logits.dtype)
        told[:, lender] = logits[:, own]
        found[:, own] = self.calibrator.probabilities(told)[:, lender]
        for place in np.flatnonzero(self.borrows):
            alike = np.repeat(logits[:, [place]], self.shares.shape[1], axis=1)
            found[:, place] = self.calibrator.probabilities(alike) @ self.shares[place]
        return found


def borrowed(policy: MultilabelPolicy, shares: Floats, own: Sequence[int | None]) -> BorrowedPolicy:
    """The policy of C classes.

    Args:
        policy: Of S classes.
        shares: (C, S), as `shares_of` gives them.
        own: Which of the S each of the C is; None = none of them.
    """
    fitted = policy.thresholds
    values = shares @ fitted.values
    classes = tuple(
        fitted.classes[place] if place is not None else _lent(float(value))
        for place, value in zip(own, cast(list[float], values.tolist()), strict=True)
    )
    thresholds = Thresholds(fitted.rule, fitted.shared, fitted.shrinkage, fitted.samples, classes)
    return BorrowedPolicy(policy.calibrator, thresholds, None, policy.pooling, shares=shares)


def shares_of(cosines: Floats, own: Sequence[int | None]) -> Floats:
    """(C, S) shares by (C, S) cosines of prototypes: the `LENDERS` nearest in proportion to e^(SHARPNESS * cosine)."""
    shares = np.zeros(cosines.shape)
    for place, (row, self_place) in enumerate(zip(cosines, own, strict=True)):
        if self_place is not None:
            shares[place, self_place] = 1.0
            continue
        nearest = np.argsort(-row, kind="stable")[:LENDERS]
        weights = np.exp(SHARPNESS * (row[nearest] - row[nearest[0]]))
        shares[place, nearest] = weights / weights.sum()
    return shares


def _lent(threshold: float) -> ClassThreshold:
    return ClassThreshold(min(max(threshold, 0.0), 1.0), None, None, None, 0, 0.0, 0.0, 0.0, "borrowed")
