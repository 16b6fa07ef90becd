"""How well classes that share elements are told apart, as plain data."""

from dataclasses import dataclass

from sfumato.metrics.elements import ElementPair, ElementRow
from sfumato.metrics.results import Results

PAIRS = 20


@dataclass(frozen=True)
class ElementFrame:
    """What the page shows."""

    sentence: str
    rows: tuple[ElementRow, ...]
    """Elements of several classes, those that are told apart worst first."""
    pairs: tuple[ElementPair, ...]
    """Most confused first."""


def element_frame(results: Results) -> ElementFrame | None:
    """None where classes name no elements, or no two share one."""
    found = results.elements
    rows = [row for row in found.rows if row.classes > 1 and row.accuracy is not None] if found else []
    if found is None or not rows:
        return None
    ordered = sorted(rows, key=lambda row: (row.accuracy.value if row.accuracy else 0.0, row.name))
    sentence = f"{found.within} of {found.wrong} wrong answers name a class that shares an element with the true one."
    return ElementFrame(sentence, tuple(ordered), found.pairs[:PAIRS])
