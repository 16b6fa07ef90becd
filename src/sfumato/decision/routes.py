"""The routes of a cascade: which pictures its gate lets through, and which of its last answers are given.

Shapes: N samples.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.prior_shift import PriorShift
from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
Share = Annotated[float, Field(ge=0, le=1)]


@stored
@dataclass(frozen=True)
class Routes:
    """Where pictures go. Stored as JSON in a cascade's bundle."""

    go: str | None
    """Class of the gate whose pictures go on; None = there is no gate."""
    gate: Share
    """Probability of that class from which on a picture goes on; 0 = all do."""
    answer: Share
    """Confidence from which on the last stage's answer is given; 0 = all that it gives itself."""
    sure: Share | None
    """Probability below which an element is marked as uncertain in the text of the last stage; None = no elements are
    written there."""
    shift: PriorShift | None
    """Of the gate, from the share of such pictures that it was made for to that which it will meet: (others, they);
    None = the same."""

    def going(self, probability: NDArray[np.floating]) -> Floats:
        """(N,) probability that each picture goes on, at the share that will be met, of (N,) as the gate says it.

        Adds log(new odds / old odds) to the log-odds, as a gate that learnt from as many charts as other pictures
        needs where charts are rare (Saerens et al., Neural Computation 2002, eq. 2.4).
        """
        given = probability.astype(np.float64)
        refuse_not_finite(probability=given)
        return given if self.shift is None else self.shift.corrected(np.stack([1 - given, given], axis=1))[:, 1]

    def passes(self, going: Floats) -> NDArray[np.bool_]:
        """(N,) whether each picture goes on, of (N,) probabilities that `going` gave."""
        refuse_not_finite(going=going)
        return going >= self.gate

    def withheld(self, confidence: Floats) -> NDArray[np.bool_]:
        """(N,) whether the last stage's answer is not sure enough to be given."""
        refuse_not_finite(confidence=confidence)
        return confidence < self.answer

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "Routes":
        """Read what `to_dict` made; `where` names it in errors."""
        return read_stored(cls, document, "routes of a cascade", where)
