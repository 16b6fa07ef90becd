"""What every rung does."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sfumato.ladders.rungs.shots import Fitted, Shots


@dataclass(frozen=True)
class Rung:
    """A way to answer, which may leave settings to be chosen on other pictures."""

    name: str
    """As it is written in results."""
    words: str
    """As it is written for people."""
    fit: Callable[[Shots], Iterable[Fitted]]
    """One for each setting, the mildest first, which is taken where others score no better."""
    most_shots: int | None = None
    """Of more pictures it is left out; None = of none."""
