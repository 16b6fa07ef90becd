"""The sets of weights that a run could choose from at its end, as plain data; from averages.csv."""

from dataclasses import dataclass

from sfumato.report.evidence import AverageRow, Evidence

_NAMES = {
    "raw": "as trained",
    "ema": "moving average (EMA)",
    "swa": "mean of the ends of epochs (SWA)",
    "soup": "greedy soup",
}


@dataclass(frozen=True)
class Choice:
    """One set of weights."""

    name: str
    epochs: str
    """Epochs done whose weights went in, from 1."""
    score: float | None
    """The one that chose, on validation."""
    kept: bool


@dataclass(frozen=True)
class Choices:
    """All there were."""

    select: str
    """Name of the score that chose."""
    rows: tuple[Choice, ...]
    made: bool
    """Whether the kept weights were made after the last step, so that no epoch has them."""


def choices(evidence: Evidence) -> Choices | None:
    """None where no weights were averaged."""
    select = evidence.prepared.recipe.train.select
    rows = tuple(Choice(_name(row), _epochs(row), row.scores.get(select), row.kept) for row in evidence.averages)
    made = any(row.kept and row.weights in ("soup", "interpolation") for row in evidence.averages)
    return Choices(select, rows, made) if rows else None


def _name(row: AverageRow) -> str:
    if row.alpha is None:
        return _NAMES.get(row.weights, row.weights)
    ends = {0.0: ", the start", 1.0: ", the best"}
    return f"interpolation, α {row.alpha:g}{ends.get(row.alpha, '')}"


def _epochs(row: AverageRow) -> str:
    return ", ".join(str(epoch + 1) for epoch in row.epochs)
