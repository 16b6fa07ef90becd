"""The frame of a sweep: a row a trial, the best of them, which settings matter."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sfumato.metrics.multilabel_results import AnyResults


@dataclass(frozen=True)
class Trial:
    """One training of the recipe with settings of its own."""

    number: int
    """From 0."""
    state: Literal["done", "stopped", "failed"]
    """`stopped`: before its end, since others were better."""
    score: float | None
    """Validation score of its best weights; None = it did not reach its end."""
    reached: float | None
    """Best validation score of any epoch that was seen."""
    epochs: int
    """Epochs that were seen."""
    settings: dict[str, Any]
    """Recipe path -> value."""


@dataclass(frozen=True)
class Swept:
    """A sweep that has ended."""

    select: str
    """Validation score that chose."""
    trials: tuple[Trial, ...]
    """In the order they were begun."""
    best: Trial | None
    importance: dict[str, float]
    """Share of the scores' variance each setting explains, greatest first; empty = too few trials to say."""
    test: dict[str, AnyResults] = field(default_factory=dict[str, AnyResults])
    """Task -> what the best trial reaches on the test part, measured once; empty = there is no such part."""

    def count(self, state: str) -> int:
        """Trials that ended so."""
        return sum(trial.state == state for trial in self.trials)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The trial of the highest score, of equal ones the first; None where none reached its end."""
    done = [trial for trial in trials if trial.score is not None]
    return max(done, key=lambda trial: trial.score or 0.0, default=None)
