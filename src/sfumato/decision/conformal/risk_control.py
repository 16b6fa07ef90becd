"""Conformal risk control: of several true labels a sample, no more than a stated share is missed.

Angelopoulos et al., Conformal Risk Control, ICLR 2024 (2022), eq. 4, for the false negative rate: the share of a
sample's true labels that are not named. A sample without a true label misses none.
"""

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


@stored
@dataclass(frozen=True)
class MissControl:
    """A label is named where its probability is at least `threshold`, the same for all classes."""

    threshold: Annotated[float, Field(ge=0, le=1)]
    """0 = too few samples to promise it, or too little to name less than everything."""
    alpha: Annotated[float, Field(gt=0, lt=1)]
    """Promised: the mean share of true labels missed is at most this, over calibration samples and new ones."""
    missed: Annotated[float, Field(ge=0, le=1)]
    """The mean share missed on calibration, at the threshold."""
    samples: Annotated[int, Field(ge=0)]

    def named(self, probabilities: Floats) -> Booleans:
        """(N, C) whether each label is named, from (N, C) probabilities."""
        refuse_not_finite(probabilities=probabilities)
        return probabilities >= self.threshold

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "MissControl":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        return read_stored(cls, document, "a control of misses", where)


def fit_miss_control(probabilities: Floats, there: Booleans, alpha: float) -> MissControl:
    """The greatest threshold t with (sum of missed shares at t + 1) / (N + 1) at most alpha.

    Only the probabilities of true labels can be such a threshold: above each of them one label more is missed.

    Args:
        probabilities: (N, C) of calibration samples.
        there: (N, C) whether each sample is of each class.
        alpha: Above 0 and below 1.
    """
    refuse_not_finite(probabilities=probabilities)
    samples = len(there)
    allowed = Fraction(repr(float(alpha))) * (samples + 1) - 1
    row, _ = np.nonzero(there)
    own, cost = probabilities[there], 1 / there.sum(axis=1)[row]
    values, place = np.unique(own, return_inverse=True)
    below = np.append(0.0, np.bincount(place, weights=cost, minlength=len(values)).cumsum())
    fine = np.flatnonzero(below <= float(allowed) + 1e-9)  # sums of thirds
    if not len(fine) or not len(values):
        return MissControl(0.0, alpha, 0.0, samples)
    at = int(fine[-1])
    threshold = float(values[at]) if at < len(values) else 1.0
    return MissControl(threshold, alpha, float((cost * (own < threshold)).sum() / samples), samples)
