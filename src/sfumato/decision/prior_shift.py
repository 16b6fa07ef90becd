"""Prior shift: probabilities for other class frequencies than those a model was trained and calibrated at.

Saerens, Latinne and Decaestecker, Adjusting the Outputs of a Classifier to New a Priori Probabilities: a Simple
Procedure, Neural Computation 2002: eq. 2.4 where the new frequencies are known, eq. 2.9 where predictions without
truth must tell. It holds where each class looks as it did and only their frequencies moved, and for probabilities that
were honest at the old ones: calibrate first. A gate that learned from as many charts as other pictures and meets one
chart in twenty is such a case.
Where a sample may be of several classes, each of them is one of two by itself.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.calibrators.one_vs_rest import check_lengths
from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
Prior = Annotated[float, Field(gt=0)]

_ROUNDS = 1000
_STILL = 1e-8
_LEAST = 1e-12


@stored
@dataclass(frozen=True)
class PriorShift:
    """Probabilities of classes that exclude each other are multiplied by new / old and divided by their sum."""

    old: tuple[Prior, ...]
    """C frequencies the probabilities are honest at; only their ratios matter."""
    new: tuple[Prior, ...]
    """C frequencies of the samples to be decided on; only their ratios matter."""
    estimated_from: Annotated[int, Field(ge=0)] = 0
    """Samples without truth that `new` was estimated from; 0 = it was given."""

    def __post_init__(self) -> None:
        check_lengths(old=self.old, new=self.new)

    @property
    def log_ratio(self) -> Floats:
        """(C,) log new / old: what is added to calibrated logits for the same effect."""
        return np.log(np.array(self.new) / sum(self.new)) - np.log(np.array(self.old) / sum(self.old))

    def corrected(self, probabilities: Floats) -> Floats:
        """(N, C) probabilities at the new frequencies, each row summing to 1, from those at the old ones.

        For two classes it adds log(new odds / old odds) to the log-odds. Rows are worked on in logarithms, so that a
        class that was certain stays so.
        """
        refuse_not_finite(probabilities=probabilities)
        with np.errstate(divide="ignore"):
            z = np.log(probabilities) + self.log_ratio
        weights = np.exp(z - z.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "PriorShift":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        return read_stored(cls, document, "a prior shift", where)


def estimate_shift(probabilities: Floats, old: Floats) -> PriorShift:
    """The new frequencies under which (N, C) probabilities without truth are likeliest, by expectation-maximisation.

    From the old frequencies on, they become the mean of the probabilities that they themselves make, until none moves
    by 1e-8. The likelihood is concave in them, so where it starts does not matter. Without a sample nothing moves.

    Args:
        probabilities: (N, C) calibrated at the old frequencies, each row summing to 1.
        old: (C,) above 0; only their ratios matter.
    """
    refuse_not_finite(probabilities=probabilities, old=old)
    before = old / old.sum()
    new, ratios = before, probabilities / before
    for _ in range(_ROUNDS if len(probabilities) else 0):
        total = ratios @ new
        found = np.maximum(new * (ratios / np.maximum(total, _LEAST)[:, None]).mean(axis=0), _LEAST)
        moved, new = np.abs(found / found.sum() - new).max(), found / found.sum()
        if moved < _STILL:
            break
    return PriorShift(tuple(before.tolist()), tuple(new.tolist()), len(probabilities))


def evidence_of_shift(probabilities: Floats, shift: PriorShift) -> float:
    """P value of a shift as great as the one estimated, had no frequency moved: below 0.05 is evidence of one.

    The likelihood ratio of Saerens et al., section 3, against chi squared of C - 1 degrees.

    Args:
        probabilities: (N, C), those that `shift` was estimated from.
        shift: What `estimate_shift` found.
    """
    refuse_not_finite(probabilities=probabilities)
    from scipy.stats import chi2

    ratio = np.exp(shift.log_ratio)
    statistic = 2 * np.log(np.maximum(probabilities @ ratio, _LEAST)).sum()
    return float(cast(Any, chi2).sf(max(float(statistic), 0.0), len(ratio) - 1))
