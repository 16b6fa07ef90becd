"""Findings about what pictures look like: dark, bright, blurred, or with nothing on them.

A picture is named where it is beyond a fixed limit and also unlike the others: X-rays are dark and drawings hold
little, and to name them all would say nothing. Beyond a second limit it is named whatever the others are like.
"""

from dataclasses import dataclass

import polars as pl

from sfumato.data.health.findings import Finding, finding


@dataclass(frozen=True)
class Limit:
    """Below which value of a fact a picture is named."""

    code: str
    value: pl.Expr
    """Of a picture; lower is worse."""
    below: float
    """Named from here on, if it is also below `share` of the data's median."""
    share: float
    always: float
    """Named from here on in any case."""
    detail: pl.Expr


def _number(name: str, digits: int = 2) -> pl.Expr:
    return pl.col(name).round(digits).cast(pl.String)


LIMITS = (
    # 0.32: CleanVision's limit for the 99th percentile of brightness
    Limit("dark", pl.col("lightest"), 0.32, 0.5, 0.05, pl.format("up to {} of white", _number("lightest"))),
    # 0.05 from white: CleanVision's limit for the 5th percentile
    Limit("bright", 1 - pl.col("darkest"), 0.05, 0.5, 0.02, pl.format("from {} of white", _number("darkest"))),
    # 3 bits: CleanVision's limit; 0.2 bits are a spot of 3 % on one plain colour
    Limit("uninformative", pl.col("information"), 3.0, 0.5, 0.2, pl.format("{} bits a pixel", _number("information"))),
    # 100: the usual rule of thumb for the measure; photographs at this size have 300 to 5000
    Limit("blurry", pl.col("sharpness"), 100.0, 0.1, 1.0, pl.format("sharpness {}", _number("sharpness", 1))),
)


def look_findings(pictures: pl.DataFrame) -> list[Finding]:
    """All of this family, from pictures with their facts."""
    usable = pictures.filter(pl.col("code").is_null())
    found = {limit.code: _beyond(usable, limit) for limit in LIMITS}
    empty = pl.concat([found["uninformative"], found["dark"]])["image"].implode()
    found["blurry"] = found["blurry"].filter(~pl.col("image").is_in(empty))  # without light or content nothing is sharp
    return [one for code, rows in found.items() for one in finding(code, rows)]


def _beyond(usable: pl.DataFrame, limit: Limit) -> pl.DataFrame:
    """Rows that are named, worst first."""
    rows = usable.with_columns(value=limit.value, detail=limit.detail)
    unusual = pl.min_horizontal(limit.below, limit.share * pl.col("value").median())
    named = (pl.col("value") < unusual) | (pl.col("value") < limit.always)
    return rows.filter(named).sort("value", "id")
