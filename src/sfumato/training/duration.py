"""Durations with a unit (`3ep`, `500st`, `20%`), so that no number in a recipe has to be guessed at."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

_FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ep|st|%)")
PATTERN = r"^[0-9]+(\.[0-9]+)?(ep|st|%)$"
LEAST, MOST = 1e-6, 1e9
"""Amounts but 0 lie between: every one of them survives being added up over a training."""


@dataclass(frozen=True)
class Duration:
    """A stretch of training, or a moment in it counted from the start."""

    amount: float
    unit: Literal["ep", "st", "%"]
    """Epochs, optimiser steps, or percent of the whole training."""

    def __str__(self) -> str:
        """Every digit and no exponent: a resumed run reads its durations back from this."""
        whole = int(self.amount)
        number = str(whole) if whole == self.amount else f"{Decimal(repr(self.amount)):f}"
        return f"{number}{self.unit}"


def parse(value: object) -> Duration:
    """Read `3ep`, `2.5ep`, `500st` or `20%`; anything else is a ValueError that says what was expected."""
    if isinstance(value, Duration):
        return _bounded(value, str(value.amount) + value.unit)
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        hint = f"; did you mean '{value:g}ep'?" if isinstance(value, (int, float)) else ""
        raise ValueError(f"{value!r} is no duration; expected epochs (3ep), steps (500st) or a share (20%){hint}")
    number, unit = match.groups()
    if unit == "st" and "." in number:
        raise ValueError(f"{value!r} is no duration: there are no parts of a step")
    return _bounded(Duration(float(number), unit), str(value))  # pyright: ignore[reportArgumentType]


def parse_positive(value: object) -> Duration:
    """Read a duration that is longer than nothing."""
    duration = parse(value)
    if duration.amount == 0:
        raise ValueError(f"found {str(duration)!r}; expected more than nothing, such as 1ep")
    return duration


def _bounded(duration: Duration, text: str) -> Duration:
    if duration.amount != 0 and not LEAST <= duration.amount <= MOST:
        shown = text if len(text) <= 30 else f"{text[:27]}..."
        raise ValueError(f"found {shown!r}; expected {Decimal(LEAST):.6f} to {MOST:,.0f}")
    return duration


_TEXT = PlainSerializer(str, return_type=str)
_SCHEMA = WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["3ep", "500st", "20%"]})
DurationField = Annotated[Duration, PlainValidator(parse), _TEXT, _SCHEMA]
"""A moment, or a duration that may be nothing, as a field of a spec."""
PositiveDurationField = Annotated[Duration, PlainValidator(parse_positive), _TEXT, _SCHEMA]
"""A duration longer than nothing, as a field of a spec."""

ZERO = Duration(0, "ep")
