"""What is known of one picture after it was decoded once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import polars as pl

from sfumato.data.duplicates.fingerprint import Fingerprint
from sfumato.data.images import Code


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself before its pixels are decoded."""

    format: str | None = None
    """PIL's name of the real format, such as JPEG; None where there is none."""
    suffix_fits: bool = True
    """Whether the file's ending is one of that format."""
    width: int | None = None
    """Pixels, as stored: before any rotation by EXIF."""
    height: int | None = None
    mode: str | None = None
    """PIL's name of the kind of pixels: L, RGB, RGBA, CMYK, I;16 ..."""
    frames: int = 1
    orientation: int = 1
    """EXIF orientation, 1 to 8; 1 = upright."""
    bits: int | None = None
    """Per channel, as stored."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the upright 8-bit pixels look like; values are 0 (black) to 1 (white)."""

    transparent: bool = False
    """Whether any pixel is not opaque."""
    brightness: float | None = None
    """Mean grey value."""
    lightest: float | None = None
    """Value that no channel of 99 % of the pixels exceeds: pure blue is light."""
    darkest: float | None = None
    """Value that all channels of 95 % of the pixels reach."""
    contrast: float | None = None
    """Standard deviation of the grey values."""
    sharpness: float | None = None
    """Variance of the Laplacian of grey values 0 to 255, at the size measures are taken at."""
    information: float | None = None
    """Entropy of the grey values, bits: 0 to 8."""
    border: bytes | None = None
    """8 x 3 uint8: RGB of the 4 corners and the 4 middles of the edges."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One picture: its file, what is wrong with it, its header, and how it looks."""

    image: str
    """Its address."""
    bytes: int | None
    """Size of the file; None where it can't be seen."""
    mtime_ns: int | None
    code: Code | None = None
    """Why it can't be used; None = it can."""
    problem: str | None = None
    """The same in words."""
    header: Header = field(default_factory=Header)
    look: Look = field(default_factory=Look)
    fingerprint: Fingerprint | None = None
    """By which its copies are found; None where it can't be used."""


SCHEMA: dict[str, Any] = {
    "image": pl.String,
    "bytes": pl.Int64,
    "mtime_ns": pl.Int64,
    "code": pl.String,
    "problem": pl.String,
    "format": pl.String,
    "suffix_fits": pl.Boolean,
    "width": pl.Int64,
    "height": pl.Int64,
    "mode": pl.String,
    "frames": pl.Int64,
    "orientation": pl.Int64,
    "bits": pl.Int64,
    "transparent": pl.Boolean,
    "brightness": pl.Float64,
    "lightest": pl.Float64,
    "darkest": pl.Float64,
    "contrast": pl.Float64,
    "sharpness": pl.Float64,
    "information": pl.Float64,
    "border": pl.Binary,
}
"""Columns of a table of facts, one row a picture; named as the fields above. Fingerprints have a place of their own."""

_OWN = ("image", "bytes", "mtime_ns", "code", "problem")


def facts_frame(facts: list[Facts]) -> pl.DataFrame:
    """A table of facts, in the order given."""
    columns = {name: list(map(_reader(name), facts)) for name in SCHEMA}
    return pl.DataFrame(columns, schema=SCHEMA)


def _reader(name: str) -> Callable[[Facts], Any]:
    """What gives the value of a column."""
    return attrgetter(name if name in _OWN else f"header.{name}" if name in Header.__slots__ else f"look.{name}")
