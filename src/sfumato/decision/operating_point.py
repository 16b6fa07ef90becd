"""Where to stop answering: by the share to be answered, or by an error that is kept with a stated certainty.

`abstention.fit_abstention` takes the lowest threshold whose error on validation is small enough. Of many thresholds
that one is chosen for looking good, so on other samples its error is above what was asked about as often as below.
Here the error is bounded: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Share = Annotated[float, Field(ge=0, le=1)]

CERTAINTY = 0.95


@stored
@dataclass(frozen=True)
class OperatingPoint:
    """An answer is given where the sureness is at least `threshold`."""

    threshold: float | None
    """On the scale of the sureness; None = there was no sample: everything is answered and nothing known."""
    coverage: Share
    """Share of validation samples that are answered."""
    error: Share
    """Share of wrong answers among those."""
    bound: Share
    """With the certainty given, the error of answers on like samples is at most this."""
    certainty: Share
    reached: bool
    """Whether what was asked for is kept."""

    def answers(self, sureness: Floats) -> Booleans:
        """(N,) whether each sample is answered."""
        refuse_not_finite(sureness=sureness)
        return np.full(len(sureness), True) if self.threshold is None else sureness >= self.threshold

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "OperatingPoint":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        return read_stored(cls, document, "an operating point", where)


def error_bound(wrong: int, answered: int, certainty: float = CERTAINTY) -> float:
    """The greatest error under which so few of so many answers are wrong with a chance of at least 1 - certainty.

    One-sided, exact (Clopper and Pearson, Biometrika 1934). No answer bounds nothing: 1.
    """
    from scipy.stats import beta

    if wrong >= answered:
        return 1.0
    return float(cast(Any, beta).ppf(certainty, wrong + 1, answered - wrong))


def by_error(sureness: Floats, correct: Booleans, max_error: float, certainty: float = CERTAINTY) -> OperatingPoint:
    """The most answers of which at most `max_error` are wrong, with that certainty: SGR, their algorithm 1.

    Thresholds are bisected over the samples in order of sureness; as ceil(log2 N) of them are looked at, each bound has
    that share of the doubt. Where none is small enough, the point of the least bound is taken and `reached` is False.

    Args:
        sureness: (N,) of validation samples, on any scale.
        correct: (N,) whether each answer was right.
        max_error: Share, above 0 and below 1.
        certainty: Above 0 and below 1.
    """
    refuse_not_finite(sureness=sureness)
    if not len(sureness):
        return OperatingPoint(None, 1.0, 0.0, 1.0, certainty, False)
    rising = np.sort(sureness)
    tests = max(1, int(np.ceil(np.log2(len(rising)))))
    each = 1 - (1 - certainty) / tests
    low, high, seen = 0, len(rising) - 1, list[OperatingPoint]()
    for _ in range(tests):
        middle = (low + high) // 2
        point = _at(float(rising[middle]), sureness, correct, each)
        seen.append(point)
        low, high = (low, middle) if point.bound <= max_error else (middle + 1, high)
        if low > high:
            break
    fine = [point for point in seen if point.bound <= max_error]
    best = max(fine, key=lambda point: point.coverage) if fine else min(seen, key=lambda point: point.bound)
    return OperatingPoint(best.threshold, best.coverage, best.error, best.bound, certainty, bool(fine))


def by_coverage(sureness: Floats, correct: Booleans, coverage: float, certainty: float = CERTAINTY) -> OperatingPoint:
    """The surest samples, at least the share `coverage` of them; those equally sure are answered together.

    Sureness alone chooses, so one bound has all the doubt. Shapes are those of `by_error`.
    """
    refuse_not_finite(sureness=sureness)
    if not len(sureness):
        return OperatingPoint(None, 1.0, 0.0, 1.0, certainty, False)
    wanted = max(1, int(np.ceil(coverage * len(sureness) - 1e-9)))  # 0.7 * 10 is 7.000...01
    return _at(float(np.sort(sureness)[-wanted]), sureness, correct, certainty)


def _at(threshold: float, sureness: Floats, correct: Booleans, certainty: float) -> OperatingPoint:
    answered = sureness >= threshold
    count, wrong = int(answered.sum()), int((answered & ~correct).sum())
    bound = error_bound(wrong, count, certainty)
    return OperatingPoint(threshold, count / len(sureness), wrong / count, bound, certainty, True)
