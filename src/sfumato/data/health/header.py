"""What a picture's file says of itself, read before its pixels are decoded."""

import contextlib
from functools import cache
from pathlib import PurePath
from typing import Any, cast

from PIL import ExifTags, Image

from sfumato.data.health.facts import Header

_SAME = {"MPO": "JPEG", "DIB": "BMP"}
"""Formats that go by another's ending: MPO is how phones and cameras store a JPEG with a second picture behind it."""

_BITS_PER_SAMPLE = 258
"""The TIFF tag."""


def read_header(image: Image.Image, address: str) -> Header:
    """Facts of an image that was opened and not yet loaded, all but its orientation. Damaged metadata is left out."""
    kind = _SAME.get(image.format or "", image.format)
    return Header(
        format=kind,
        suffix_fits=kind is None or _suffix_fits(PurePath(address).suffix.lower(), kind),
        width=image.width,
        height=image.height,
        mode=image.mode,
        frames=1 if image.format == "MPO" else _frames(image),
        bits=_bits(image),
    )


def _suffix_fits(suffix: str, kind: str) -> bool:
    said = _formats().get(suffix)
    return not suffix or _SAME.get(said or "", said) == kind


@cache
def _formats() -> dict[str, str]:
    return Image.registered_extensions()


def _frames(image: Image.Image) -> int:
    with contextlib.suppress(Exception):  # an animation cut off later is still one picture
        return int(getattr(image, "n_frames", 1))
    return 1


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation of a loaded image, 1 to 8. Asked earlier, PIL might load it, and hide what is wrong with it."""
    with contextlib.suppress(Exception):  # as decoding does: odd metadata loses no picture
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
        return int(value) if int(value) in range(1, 9) else 1
    return 1


def _bits(image: Image.Image) -> int:
    """Per channel, as stored; PIL itself shows RGB of 16 bits as RGB of 8."""
    depths = cast(tuple[int, ...] | None, cast(Any, getattr(image, "tag_v2", {})).get(_BITS_PER_SAMPLE))
    if depths:
        return max(depths)
    if image.mode == "1":
        return 1
    stored = str(getattr(image, "tile", ""))  # how its decoder is told to unpack it, such as RGB;16B
    if ";16" in stored or image.mode.startswith("I;16"):
        return 16
    return 32 if image.mode in ("I", "F") else 8
