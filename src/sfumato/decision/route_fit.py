"""The two thresholds of a cascade that cost least together: every pair of cuts is weighed, none by a grid.

Samples go on one after the other, the likeliest first. For each such cut the best threshold of the last stage is the
least prefix sum of what withholding changes, by rising confidence: a tree of sums keeps it at log N a sample, so that
all N x N pairs cost N log N. Both thresholds are fitted on validation samples, so their cost is a selection score.

Shapes: N samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.end_costs import Ends
from sfumato.errors import InputError
from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_SLACK = 1e-9
"""Costs nearer than this, relative to all weights, are equal: sums of floats differ by the order they were added in."""


@dataclass(frozen=True)
class Chosen:
    """The pair of thresholds, and what it costs on average on the samples that chose it."""

    gate: float
    answer: float
    cost: float


def fit_routes(ends: Ends, *, gated: bool = True) -> Chosen:
    """The pair of least mean cost; of equal ones that which lets fewest samples on, then withholds fewest answers.

    A threshold lies in the middle between the sample it lets pass and the next that it does not. At least the
    likeliest sample goes on, and the surest answer is given.

    Args:
        ends: Of N samples.
        gated: False = there is no gate: all go on, and only the last threshold is chosen.

    Raises:
        InputError: No sample, or figures that are not finite.
    """
    if not len(ends):
        raise InputError("no sample to choose a cascade's thresholds by")
    refuse_not_finite(going=ends.going, confidence=ends.confidence)
    order, last = _falling(ends.going if gated else np.zeros(len(ends)))
    sure, ranks = np.unique(ends.confidence, return_inverse=True)
    prefixes = _Prefixes(len(sure) - 1)
    whole, slack = float(ends.weights.sum()), _SLACK * float(ends.weights.sum())
    base = float((ends.weights * ends.stopped).sum())
    moved = ends.weights * (ends.answered - ends.stopped)
    turned = ends.weights * (ends.withheld - ends.answered)
    best, found = np.inf, (0, 0)
    for place, row in enumerate(order.tolist()):
        base += float(moved[row])
        prefixes.add(int(ranks[row]), float(turned[row]))
        if last[place] and base + prefixes.least < best - slack:
            best, found = base + prefixes.least, (place, prefixes.length())
    going = ends.going[order]
    below = float(going[found[0] + 1]) if found[0] + 1 < len(going) else 0.0
    gate = middle(below, float(going[found[0]])) if gated else 0.0
    answer = middle(float(sure[found[1] - 1]), float(sure[found[1]])) if found[1] else 0.0
    return Chosen(gate, answer, best / whole)


def gate_curve(ends: Ends, answer: float, most: int = 200) -> list[tuple[float, float]]:
    """Mean cost by the gate's threshold, the other being `answer`: up to `most` pairs, thresholds falling."""
    order, last = _falling(ends.going)
    given = np.where(ends.confidence >= answer, ends.answered, ends.withheld)
    steps = ends.weights * (given - ends.stopped)
    costs = float((ends.weights * ends.stopped).sum()) + np.cumsum(steps[order])
    going, places = ends.going[order], np.flatnonzero(last)
    places = places[np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(np.int64)]
    below = np.append(going[1:], 0.0)
    cuts = [middle(float(below[one]), float(going[one])) for one in places]
    return list(zip(cuts, (costs[places] / ends.weights.sum()).tolist(), strict=True))


def middle(below: float, above: float) -> float:
    """Between two neighbours; the upper one, which passes, where no number lies between them."""
    half = below + (above - below) / 2
    return half if half > below else above


def _falling(scores: Floats) -> tuple[Integers, NDArray[np.bool_]]:
    """(N,) order from the highest score, and whether each is the last of its score: cuts lie behind those alone."""
    order = np.argsort(-scores, kind="stable")
    return order, np.append(np.diff(scores[order]) != 0, True)


class _Prefixes:
    """Numbers in a row, any of which may grow, with the least sum of any first few of them, none included.

    A segment tree: each node knows the sum of its numbers and the least prefix among them.
    """

    def __init__(self, length: int) -> None:
        self._length, self._first = length, 1 << max(length - 1, 0).bit_length()
        self._sums, self._least = [0.0] * (2 * self._first), [0.0] * (2 * self._first)

    def add(self, place: int, value: float) -> None:
        """Add to the number at a place; what lies behind the row is in no prefix."""
        if place >= self._length:
            return
        node = self._first + place
        self._sums[node] += value
        self._least[node] = min(0.0, self._sums[node])
        while node > 1:
            node //= 2
            left, right = 2 * node, 2 * node + 1
            self._sums[node] = self._sums[left] + self._sums[right]
            self._least[node] = min(self._least[left], self._sums[left] + self._least[right])

    @property
    def least(self) -> float:
        """The least sum of any first few."""
        return self._least[1]

    def length(self) -> int:
        """Of how many; of equal sums the fewest."""
        node = 1
        while node < self._first:
            left, right = 2 * node, 2 * node + 1
            node = left if self._least[left] <= self._sums[left] + self._least[right] else right
        return node - self._first + (1 if self._sums[node] < 0 else 0)
