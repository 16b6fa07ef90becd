"""Logos: those of a folder, or of nobody; and where they were put."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sfumato.data.images import READ, BadImageError, opened
from sfumato.errors import InputError
from sfumato.synthesis.drawn_logos import SHAPES, drawn_logo
from sfumato.synthesis.emptiness import Box, occupied
from sfumato.synthesis.spec import LogoSpec

MOST_SIDE = 4096
"""Pixels. A larger one is a poster, and would be held in memory for every picture."""
CORNERS = ("top left", "top right", "bottom left", "bottom right")


@dataclass(frozen=True)
class Logo:
    """A picture to be laid over others."""

    name: str
    image: Image.Image | None
    """RGBA; None = drawn anew, of the shape that the name says."""


def read_logos(folder: str | None, setting: str = "logos.folder") -> list[Logo]:
    """The logos of a folder; the kinds that are drawn where none is named.

    Raises:
        InputError: No such folder, nothing in it, or a file that can't be read or is too large.
    """
    if folder is None:
        return [Logo(shape, None) for shape in SHAPES]
    paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in READ)
    if not paths:
        what = "no logo in it" if Path(folder).is_dir() else "no such folder"
        raise InputError(what, where=folder, setting=setting, expected="a folder of pictures such as logo.png")
    return [Logo(path.relative_to(folder).as_posix(), _read(path, setting)) for path in paths]


def _read(path: Path, setting: str) -> Image.Image:
    try:
        with opened(path) as image:
            if max(image.size) > MOST_SIDE:
                what, expected = f"a logo of {image.width} x {image.height} pixels", f"at most {MOST_SIDE} a side"
                raise InputError(what, where=str(path), setting=setting, expected=expected)
            return image.convert("RGBA")
    except BadImageError as error:
        raise InputError(f"a logo that can't be used: {error}", where=str(path), setting=setting) from None


def put_logos(
    picture: Image.Image, logos: list[Logo], spec: LogoSpec, rng: np.random.Generator
) -> tuple[Image.Image, list[dict[str, Any]]]:
    """One or two logos in different corners, in their share of the pictures; and what was put where.

    Returns:
        The picture (RGB), and for each logo its name, corner, box (left, top, right, bottom in pixels) and opacity.
    """
    if rng.random() >= spec.share:
        return picture, []
    count = 2 if rng.random() < spec.two else 1
    record: list[dict[str, Any]] = []
    free = _emptiest(picture, spec.size[1])
    for corner in [free[int(place)] for place in rng.permutation(len(free))[:count]]:
        logo = logos[int(rng.integers(len(logos)))]
        opacity, size = float(rng.uniform(*spec.opacity)), float(rng.uniform(*spec.size))
        image = _sized(logo, max(8, round(size * min(picture.size))), picture.width // 2, rng)
        box = _corner(picture.size, image.size, corner, float(rng.uniform(0.01, 0.03)))
        seen = image.getchannel("A").point([round(alpha * opacity) for alpha in range(256)])
        picture.paste(image.convert("RGB"), box[:2], seen)
        record.append({"logo": logo.name, "corner": corner, "box": list(box), "opacity": round(opacity, 3)})
    return picture, record


def _emptiest(picture: Image.Image, size: float) -> list[str]:
    """The two corners with the least in them."""
    side = max(2, round(1.3 * size * min(picture.size)))
    places = [_corner(picture.size, (side, side), corner, 0.0) for corner in CORNERS]
    order = np.argsort(occupied(picture, places), kind="stable")
    return [CORNERS[int(place)] for place in order[:2]]


def _sized(logo: Logo, high: int, widest: int, rng: np.random.Generator) -> Image.Image:
    if logo.image is None:
        return drawn_logo(rng, high, logo.name)
    scale = min(high / logo.image.height, widest / logo.image.width)
    size = max(1, round(logo.image.width * scale)), max(1, round(logo.image.height * scale))
    return logo.image.resize(size, Image.Resampling.LANCZOS)


def _corner(outer: tuple[int, int], inner: tuple[int, int], corner: str, margin: float) -> Box:
    gap = round(margin * min(outer))
    left = outer[0] - inner[0] - gap if corner.endswith("right") else gap
    top = outer[1] - inner[1] - gap if corner.startswith("bottom") else gap
    return left, top, left + inner[0], top + inner[1]
