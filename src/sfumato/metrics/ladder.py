"""What ladder.json holds: how each rung did, and which is kept."""

from dataclasses import asdict, dataclass
from typing import Any

from sfumato.metrics.intervals import Interval
from sfumato.stored import read_stored, stored


@stored
@dataclass(frozen=True)
class Step:
    """One rung."""

    name: str
    words: str
    settings: dict[str, float]
    """What was chosen on all validation pictures, by name."""
    val: Interval | None
    """Cross-fitted: each validation picture by the setting that others chose. It chooses rungs, so it is no result."""
    gain: Interval | None
    """Above the rung that was kept before it, paired, on the same; None = the first."""
    kept: bool
    """Whether it is better by more than its interval; the first always is."""
    test: Interval | None
    """On pictures that chose nothing; None = there are none."""
    seconds: float
    """To fit it under all its settings and to answer for the validation pictures, features being there."""
    why_not: str = ""
    """Why it was left out untried; empty = it was tried."""


@stored
@dataclass(frozen=True)
class Standing:
    """The whole ladder."""

    score: str
    """By which rungs are compared."""
    steps: tuple[Step, ...]
    """From the lightest on."""
    fitted: int
    """Training pictures that rungs were fitted on."""
    shots: int | None
    """Of each class, as asked for; None = all."""
    validated: int
    tested: int
    seconds: float
    """To look at all pictures once."""

    @property
    def chosen(self) -> Step:
        """The highest that was kept."""
        return next(step for step in reversed(self.steps) if step.kept)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "chosen": self.chosen.name}

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "Standing":
        """Read what `to_dict` made; `where` names it in errors."""
        return read_stored(cls, {k: v for k, v in document.items() if k != "chosen"}, "a ladder", where)
