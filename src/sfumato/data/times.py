"""When a sample was taken: dates, times or plain numbers, as one number that grows with time."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import polars as pl

from sfumato.errors import InputError

FORMATS = (
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%dT%H:%M",
    "%Y%m%d",
)
"""Read column by column, which is fast; whatever else ISO 8601 allows is read cell by cell."""

_COMPACT = r"^(19|20)\d{6}(\d\d)?$"


def read_times(cells: pl.Series, place: Callable[[int], str]) -> pl.Series:
    """(N,) Float64 named `time`: seconds since 1970 (UTC where no zone is named), or the numbers the cells hold.

    Numbers such as 20240531 and 2024053118 are dates if all are. An empty cell is null.

    Raises:
        InputError: A cell that is neither number nor time.
    """
    texts = cells.str.strip_chars().replace("", None)
    numbers = texts.cast(pl.Float64, strict=False)
    compact = bool(texts.drop_nulls().str.contains(_COMPACT).all())
    if numbers.null_count() == texts.null_count() and not compact:
        return numbers.alias("time")
    texts = texts.str.replace(r"^(\d{8})(\d\d)$", "${1}T${2}:00")
    seconds = pl.Series("time", [None] * len(texts), dtype=pl.Float64)
    for pattern in FORMATS:
        parsed = texts.str.to_datetime(pattern, strict=False, time_unit="us", exact=True)
        seconds = seconds.fill_null(parsed.dt.timestamp("us").cast(pl.Float64) / 1e6)
    for row in cast(list[int], (seconds.is_null() & texts.is_not_null()).arg_true().to_list()):
        seconds[row] = _seconds(str(texts[row]), row, place)
    return seconds


def _seconds(text: str, row: int, place: Callable[[int], str]) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        expected = "one such as 2024-05-31 or 2024-05-31T18:00"
        raise InputError(f"{text!r} is no time", where=place(row), expected=expected) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
