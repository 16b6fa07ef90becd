"""Decisions by cost: the class that is expected to cost least, which need not be the likeliest.

Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001. Probabilities must be honest: calibrate first.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
Cost = Annotated[float, Field(ge=0)]


@stored
@dataclass(frozen=True)
class CostMatrix:
    """What each answer costs; in any unit, such as money or minutes."""

    costs: tuple[tuple[Cost, ...], ...]
    """(C, C): row = true class, column = answer."""

    def __post_init__(self) -> None:
        if {len(row) for row in self.costs} - {len(self.costs)}:
            raise ValueError("should have as many columns as rows")
        for index, row in enumerate(self.costs):
            if any(cost <= row[index] for answer, cost in enumerate(row) if answer != index):
                raise ValueError(f"should have the right answer cost least in row {index}")

    def expected(self, probabilities: Floats) -> Floats:
        """(N, C) expected cost of each answer, from (N, C) probabilities whose rows sum to 1 (eq. 1)."""
        refuse_not_finite(probabilities=probabilities)
        return probabilities @ np.array(self.costs)

    def decide(self, probabilities: Floats) -> NDArray[np.int64]:
        """(N,) the answer of least expected cost; of equal ones the likelier class, then that of lower index."""
        expected = self.expected(probabilities)
        equal = np.isclose(expected, expected.min(axis=1, keepdims=True), rtol=1e-12, atol=0)
        return np.where(equal, probabilities, -1.0).argmax(axis=1)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "CostMatrix":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        return read_stored(cls, document, "a cost matrix", where)


def cost_threshold(false_alarm: float, miss: float, hit: float = 0.0, rejection: float = 0.0) -> float:
    """The probability of a class from which on answering with it costs less than not doing so (eq. 2), 0 to 1.

    Args:
        false_alarm: Cost of answering with the class where it is not there; above `rejection`.
        miss: Cost of not answering with it where it is; above `hit`.
        hit: Cost of answering with it where it is.
        rejection: Cost of not answering with it where it is not.
    """
    return (false_alarm - rejection) / (false_alarm - rejection + miss - hit)
