"""Findings about single files: those that can't be used, and those that are other than they seem."""

from pathlib import Path
from typing import cast, get_args

import polars as pl

from sfumato.data.addresses import outside
from sfumato.data.health.findings import WITHOUT, Finding, finding
from sfumato.data.images import Code

TINY_SIDE = 32
"""Pixels; below it, and below half of what is usual in the data, a picture is likely a thumbnail."""
ALWAYS_TINY = 16
"""Pixels; below it there is little to be seen, whatever is usual."""
HUGE_PIXELS = 40_000_000
"""Decoding takes half a second and more beyond; a network sees at most a few hundred pixels a side."""
LONG = 3.0
"""Long side by short side; CleanVision names pictures beyond 1 / 0.35, which is the same but for a little."""
UNUSUALLY_LONG = 1.5
"""Times what is usual in the data: panoramas among panoramas are nothing to name."""
DEEP_BITS = 9
"""Bits a channel that do not fit into 8."""

_DETAILS = {
    "wrong-extension": pl.format("is {}", "format"),
    "animated": pl.format("{} pictures in one file", "frames"),
    "cmyk": pl.col("mode"),
    "transparent": pl.col("mode"),
    "rotated": pl.format("orientation {}", "orientation"),
    "sixteen-bit": pl.format("{} bits", "bits"),
}
_SIZE = pl.format("{} x {} pixels", "width", "height")


def file_findings(pictures: pl.DataFrame, source: Path | None = None) -> list[Finding]:
    """All of this family, from pictures with their facts.

    Args:
        pictures: As `pictures_with_facts` gives them.
        source: The folder or table they came from; None = where they lie is not looked at.
    """
    usable = pictures.filter(pl.col("code").is_null())
    unusable = [_unusable(pictures, code) for code in (WITHOUT, *get_args(Code))]
    return [found for part in (*unusable, _odd(usable), _sizes(usable), _outside(pictures, source)) for found in part]


def _unusable(pictures: pl.DataFrame, code: str) -> list[Finding]:
    return finding(code, pictures.filter(pl.col("code") == code).with_columns(detail="problem"))


def _outside(pictures: pl.DataFrame, source: Path | None) -> list[Finding]:
    if source is None:
        return []
    there = pictures.drop_nulls("image")
    away = outside(cast(list[str], there["image"].to_list()), source if source.is_dir() else source.parent)
    return finding("outside", there.filter(pl.col("image").is_in(away)))


def _odd(usable: pl.DataFrame) -> list[Finding]:
    conditions = {
        "wrong-extension": ~pl.col("suffix_fits"),
        "animated": pl.col("frames") > 1,
        "cmyk": pl.col("mode") == "CMYK",
        "transparent": pl.col("transparent"),
        "rotated": pl.col("orientation") > 1,
        "sixteen-bit": pl.col("bits") >= DEEP_BITS,
    }
    found = [
        finding(code, usable.filter(condition).with_columns(detail=_DETAILS[code]))
        for code, condition in conditions.items()
    ]
    return [one for part in found for one in part]


def _sizes(usable: pl.DataFrame) -> list[Finding]:
    short, long = pl.min_horizontal("width", "height"), pl.max_horizontal("width", "height")
    sized = usable.with_columns(short=short, aspect=long / short, pixels=short * long, detail=_SIZE)
    tiny = pl.col("short") < pl.min_horizontal(TINY_SIDE, pl.col("short").median() / 2)
    stretched = pl.col("aspect") > pl.max_horizontal(LONG, UNUSUALLY_LONG * pl.col("aspect").median())
    return [
        *finding("tiny", sized.filter(tiny | (pl.col("short") < ALWAYS_TINY)).sort("short", "id")),
        *finding("huge", sized.filter(pl.col("pixels") > HUGE_PIXELS).sort("pixels", "id", descending=[True, False])),
        *finding("extreme-aspect", sized.filter(stretched).sort("aspect", "id", descending=[True, False])),
    ]
