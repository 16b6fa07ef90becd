"""Post-hoc logit adjustment: how much of the training classes' frequency is taken out of the answer.

Menon et al., Long-Tail Learning via Logit Adjustment, ICLR 2021, section 4.1: argmax z - tau log pi, with pi the
share of the training images that are of the class. tau = 0 leaves the answer as it is; tau = 1 makes that of a model
which was trained with cross-entropy the answer for classes that are all equally frequent. Between them one training
gives a whole curve of accuracy against macro-F1.

A model whose sampler was balanced, whose classes were weighted or whose loss was adjusted has that correction in its
weights already; this would be a second one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.metrics.classification import SCORES, answer_counts
from sfumato.metrics.finite import refuse_not_finite
from sfumato.spec import Spec
from sfumato.stored import stored

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Objective = Literal["macro_f1", "balanced_accuracy", "accuracy"]

TAUS = tuple(step / 20 for step in range(31))
"""0 to 1.5 in steps of 0.05."""
_NO_IMAGE = 0.5


class LogitAdjustmentSpec(Spec):
    """Answers for other class frequencies than those of training; a prior correction after training."""

    objective: Objective = "macro_f1"
    """The score that the automatic strength makes greatest on validation; no use where `tau` is a number."""
    tau: Literal["auto"] | Annotated[float, Field(ge=0, le=10)] = "auto"
    """Strength: 0 changes nothing, 1 answers as if all classes were equally frequent. `auto` takes, from 0 to 1.5 in
    steps of 0.05, the best on validation, of equals the smallest."""


@stored
@dataclass(frozen=True)
class LogitAdjustment:
    """Logits become z - tau log prior before anything else is made of them."""

    tau: Annotated[float, Field(ge=0)]
    priors: tuple[Annotated[float, Field(gt=0)], ...]
    """C numbers, in the order of the classes; only their ratios matter."""
    objective: Objective | None
    """What the strength was fitted for; None = the recipe gave it."""

    def adjusted(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) logits, adjusted."""
        refuse_not_finite(logits=logits)
        return _adjusted(logits.astype(np.float64), np.array(self.priors), self.tau)


@dataclass(frozen=True)
class TauRow:
    """Scores of the answers at one strength, 0 to 1; a row of tau_curve.csv."""

    tau: float
    accuracy: float
    balanced_accuracy: float
    macro_f1: float


def class_priors(train_counts: Integers) -> Floats:
    """(C,) share of the training images that are of each class, summing to 1.

    A class without one counts as if it had half an image, rarer than any class that has one: the logarithm of 0 would
    have every picture be of that class.
    """
    images = np.maximum(train_counts, _NO_IMAGE)
    return images / images.sum()


def sweep(
    logits: NDArray[np.floating], truth: Integers, priors: Floats, taus: Sequence[float] = TAUS
) -> tuple[TauRow, ...]:
    """Scores at each strength, in the order of `taus`.

    Args:
        logits: (N, C) of validation samples.
        truth: (N,) class indices, all of them known.
        priors: (C,) above 0; only their ratios matter.
        taus: Strengths, 0 or above.
    """
    refuse_not_finite(logits=logits, priors=priors)
    z = logits.astype(np.float64)
    rows: list[TauRow] = []
    for tau in taus:
        c = answer_counts(truth, _adjusted(z, priors, tau).argmax(axis=1), len(priors))
        rows.append(TauRow(tau, **{name: float(score(c)) for name, score in SCORES.items()}))
    return tuple(rows)


def best_row(rows: Sequence[TauRow], objective: Objective) -> TauRow:
    """The row of the greatest score; of equal ones that of the smallest strength."""
    return max(rows, key=lambda row: (getattr(row, objective), -row.tau))


def fit_adjustment(
    logits: NDArray[np.floating], truth: Integers, train_counts: Integers, spec: LogitAdjustmentSpec
) -> LogitAdjustment:
    """The adjustment that a recipe asks for; an automatic strength is the best on these validation samples.

    Without a sample all strengths are equal, so an automatic one is 0. Shapes are those of `sweep`.
    """
    priors = class_priors(train_counts)
    kept = tuple(priors.tolist())
    if spec.tau != "auto":
        return LogitAdjustment(spec.tau, kept, None)
    return LogitAdjustment(best_row(sweep(logits, truth, priors), spec.objective).tau, kept, spec.objective)


def _adjusted(z: Floats, priors: Floats, tau: float) -> Floats:
    return z - tau * np.log(priors)
