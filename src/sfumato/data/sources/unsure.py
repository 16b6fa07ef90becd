"""Classes of which a table says that it is not known whether a sample has them: `?name` in a list of classes."""

from collections.abc import Callable
from typing import cast

import polars as pl

from sfumato.errors import InputError

MARK = "?"
UNSURE = "unsure"
"""Column of the table."""


def bare(text: str) -> str:
    """The name in an entry of a list, marked or not; a mark alone is a name."""
    return text.removeprefix(MARK).strip() or text


def marked(text: str) -> bool:
    """Whether an entry of a list says that its class is not known."""
    return bare(text) != text


def parted(values: pl.Series, place: Callable[[int], str]) -> tuple[pl.Series, pl.Series, list[str]]:
    """Lists of entries as lists of the classes that samples have, of those that are not known, and a note on these.

    Args:
        values: (N,) lists of names, some marked; null = nothing is known.
        place: Where a row stands.

    Raises:
        InputError: A class is said to be there and not to be known.
    """
    element = pl.element()
    unknown = element.str.starts_with(MARK) & (element.str.len_chars() > 1)
    there = values.list.eval(element.filter(~unknown))
    unsure = values.list.eval(element.filter(unknown).str.strip_prefix(MARK)).alias(UNSURE)
    both = pl.DataFrame({"a": there, "b": unsure}).select(pl.col("a").list.set_intersection("b")).to_series()
    torn = (both.list.len() > 0).fill_null(value=False)
    if torn.any():
        row = cast(int, torn.arg_max())
        what = f"class {both[row][0]!r} is said to be there and, by {MARK}, not to be known"
        raise InputError(what, where=place(row), expected="one of the two")
    samples = int((unsure.list.len() > 0).sum())
    said = f"data.source: of {samples:,} samples some classes are not known; they learn and measure the others"
    return there, unsure, [said] if samples else []
