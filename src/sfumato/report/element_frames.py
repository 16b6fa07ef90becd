"""How well classes that share elements are told apart, as plain data."""

from dataclasses import dataclass

from sfumato.metrics.elements import ElementPair, ElementRow
from sfumato.metrics.intervals import Interval
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


@dataclass(frozen=True)
class NarrowingFrame:
    """What narrowing the candidates by elements does."""

    sentence: str
    rows: tuple[tuple[str, Interval], ...]
    """What is measured, and how much it is."""


def narrowing_frame(results: Results) -> NarrowingFrame | None:
    """None where candidates are not narrowed."""
    found = results.narrowing
    if found is None:
        return None
    when = "never narrowed" if found.tau > 1 else f"narrowed where elements are at least {found.tau:.3g} sure"
    rows = (
        ("images whose candidates were narrowed", found.narrowed),
        ("images whose true class remained", found.recall),
        ("classes that remained", found.candidates),
        ("accuracy among all classes", found.accuracy_all),
        ("accuracy among those that remained", found.accuracy),
        ("top-5 among all classes", found.top_5_all),
        ("top-5 among those that remained", found.top_5),
    )
    sentence = f"Candidates are {when}: sfumato predict --elements does so; the other figures are among all classes."
    return NarrowingFrame(sentence, rows)


def element_frame(results: Results) -> ElementFrame | None:
    """None where classes name no elements, or no two share one."""
    found = results.elements
    rows = [row for row in found.rows if row.classes > 1 and row.accuracy is not None] if found else []
    if found is None or not rows:
        return None
    ordered = sorted(rows, key=lambda row: (row.accuracy.value if row.accuracy else 0.0, row.name))
    sentence = f"{found.within} of {found.wrong} wrong answers name a class that shares an element with the true one."
    return ElementFrame(sentence, tuple(ordered), found.pairs[:PAIRS])
