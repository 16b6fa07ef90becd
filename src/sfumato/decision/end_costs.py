"""What the ends of a cascade cost, and each sample by where it ends.

Shapes: N samples.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.errors import InputError, nearest_name
from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Cost = Annotated[float, Field(ge=0)]


@stored
@dataclass(frozen=True)
class EndCosts:
    """Costs in any one unit, each 0 or above; what is right costs nothing. As they stand, the mean cost is the share of
    samples that do not end right.
    """

    missed: Cost = 1.0
    """Of a picture with a product that is stopped."""
    false_alarm: Cost = 1.0
    """Of an answer to a picture without one."""
    wrong: Cost = 1.0
    """Of a wrong answer to a picture with one."""
    withheld: Cost = 1.0
    """Of an answer that is withheld, whatever the picture."""
    elements: Cost = 0.0
    """Of every picture that is looked at for its elements: what time costs."""
    products: Cost = 0.0
    """Of every picture that is looked at for its product."""

    def to_dict(self) -> dict[str, float]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "EndCosts":
        """Read what `to_dict` made; `where` names it in errors."""
        return read_stored(cls, document, "costs of a cascade", where)


def read_costs(given: Sequence[str]) -> EndCosts:
    """The costs with those changed that a person names, each as `NAME=COST`.

    Raises:
        InputError: No such cost, one named twice, or no number from 0 on.
    """
    names, found = [one.name for one in fields(EndCosts)], dict[str, float]()
    for text in given:
        name, _, value = (part.strip() for part in text.partition("="))
        if name not in names:
            near, known = nearest_name(name, names), ", ".join(names)
            raise InputError(f"no cost {name!r}", where="--cost", expected=f"NAME=COST of {known}", nearest=near)
        if name in found:
            raise InputError(f"{name} is given twice", where="--cost", expected="each once")
        found[name] = _cost(name, value)
    return replace(EndCosts(), **found)


def _cost(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise InputError(f"{name}={text}", where="--cost", expected="a number, 0 or above")
    return value


@dataclass(frozen=True)
class Ends:
    """What N samples cost by where they end, and what decides on it."""

    going: Floats
    """(N,) probability that a sample goes on."""
    confidence: Floats
    """(N,) of the last stage's answer."""
    stopped: Floats
    """(N,) cost if it is stopped."""
    answered: Floats
    """(N,) cost if it goes on and the answer is given."""
    withheld: Floats
    """(N,) cost if it goes on and the answer is withheld."""
    weights: Floats
    """(N,) how often samples such as it will be met; only ratios matter."""

    def __len__(self) -> int:
        return len(self.going)

    def only(self, rows: Booleans) -> "Ends":
        """Those of the samples where (N,) `rows` is True."""
        return Ends(*(getattr(self, one.name)[rows] for one in fields(self)))

    def mean_cost(self, gate: float, answer: float) -> float:
        """Mean cost at two thresholds, as `Routes` has them."""
        on, given = self.going >= gate, self.confidence >= answer
        each = np.where(on, np.where(given, self.answered, self.withheld), self.stopped)
        return float(np.average(each, weights=self.weights))


def ends_of(
    costs: EndCosts,
    going: Floats,
    confidence: Floats,
    *,
    wanted: Booleans,
    right: Booleans,
    withheld: Booleans,
    elements: bool,
    share: float | None = None,
) -> Ends:
    """The costs of N samples.

    Args:
        costs: Of each kind of end.
        going: (N,) probability that a sample goes on.
        confidence: (N,) of the last stage's answer.
        wanted: (N,) whether a sample has a product, and so should go on.
        right: (N,) whether the last stage names it.
        withheld: (N,) whether the last stage withholds its answer by itself.
        elements: Whether there is a stage of elements.
        share: Of samples with a product among those that will be met, 0 to 1; None = as among these.

    Raises:
        InputError: A number is not finite.
    """
    refuse_not_finite(going=going, confidence=confidence)
    passing = costs.products + (costs.elements if elements else 0.0)
    kept = np.full(len(going), costs.withheld)
    said = np.where(right & wanted, 0.0, np.where(wanted, costs.wrong, costs.false_alarm))
    weights = np.ones(len(going)) if share is None else _weights(wanted, share)
    stopped = np.where(wanted, costs.missed, 0.0)
    return Ends(going, confidence, stopped, passing + np.where(withheld, kept, said), passing + kept, weights)


def _weights(wanted: Booleans, share: float) -> Floats:
    """(N,) weights at which samples with a product have a share, where there are both."""
    here = float(wanted.mean())
    if here in (0.0, 1.0):
        return np.ones(len(wanted))
    return np.where(wanted, share / here, (1 - share) / (1 - here))
