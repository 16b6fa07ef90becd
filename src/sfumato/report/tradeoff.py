"""Accuracy against macro-F1 as post-hoc logit adjustment grows: what one training can be made to answer, as plain data.

Drawn on validation predictions, from tau_curve.csv.
"""

from dataclasses import dataclass

from sfumato.decision.logit_adjustment import LogitAdjustment, Objective, TauRow, best_row
from sfumato.report.wording import moment

OBJECTIVES: dict[Objective, str] = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "balanced_accuracy": "balanced accuracy",
}
_EVEN = 1.0


@dataclass(frozen=True)
class Mark:
    """A point of the curve that has a meaning."""

    names: tuple[str, ...]
    """What it is, such as `best macro-F1`."""
    row: TauRow
    used: bool
    """Whether the bundle answers so."""


@dataclass(frozen=True)
class TradeOff:
    """The curve, in the order of tau, with its marks in the same order."""

    rows: tuple[TauRow, ...]
    marks: tuple[Mark, ...]
    sentence: str
    """What was chosen, or what could be."""


def trade_off(rows: tuple[TauRow, ...], adjustment: LogitAdjustment | None) -> TradeOff | None:
    """The curve of a run; None where there is none, or where no strength changes a score, as with equal classes."""
    if len({(row.accuracy, row.balanced_accuracy, row.macro_f1) for row in rows}) < 2:
        return None
    used = adjustment.tau if adjustment else 0.0
    return TradeOff(rows, _marks(rows, used), _sentence(rows, adjustment))


def _marks(rows: tuple[TauRow, ...], used: float) -> tuple[Mark, ...]:
    names: dict[float, list[str]] = {0.0: ["as trained"]}
    for objective, name in OBJECTIVES.items():
        names.setdefault(best_row(rows, objective).tau, []).append(f"best {name}")
    names.setdefault(_EVEN, []).append("classes equally frequent")
    names.setdefault(used, ["as the recipe says"])
    return tuple(Mark(tuple(names[row.tau]), row, row.tau == used) for row in rows if row.tau in names)


def _sentence(rows: tuple[TauRow, ...], adjustment: LogitAdjustment | None) -> str:
    plain = rows[0]
    if adjustment is None:
        best = best_row(rows, "macro_f1")
        if best.tau == 0:
            return "It answers as trained, and no τ would raise macro-F1."
        return f"It answers as trained; the best macro-F1 is at τ = {moment(best.tau)}: {_change(plain, best)}."
    row = next(row for row in rows if row.tau == adjustment.tau)
    why = f"the best {OBJECTIVES[adjustment.objective]} here" if adjustment.objective else "as the recipe says"
    change = _change(plain, row) if row.tau else "as trained"
    return f"It answers with τ = {moment(row.tau)}, {why}: {change}."


def _change(before: TauRow, after: TauRow) -> str:
    return (
        f"macro-F1 {after.macro_f1:.3f} instead of {before.macro_f1:.3f}, "
        f"accuracy {after.accuracy:.3f} instead of {before.accuracy:.3f}"
    )
