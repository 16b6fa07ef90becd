"""Logos of nobody: a ring, a shield, a star or initials, drawn so that no trademark is needed."""

import math
import string

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
SHAPES = ("ring", "shield", "star", "initials")
_COLOURS: tuple[Colour, ...] = (
    (24, 71, 133),
    (176, 32, 37),
    (15, 112, 88),
    (96, 52, 130),
    (200, 120, 20),
    (40, 40, 44),
    (0, 128, 176),
)
_LARGER = 4
"""It is drawn so many times as large, and reduced, which smooths its edges."""


def drawn_logo(rng: np.random.Generator, size: int, shape: str | None = None) -> Image.Image:
    """A logo of `size` x `size` pixels on nothing (RGBA); a function of the generator.

    Args:
        rng: Decides on colours and letters, and on the shape where none is named.
        size: Pixels a side, 8 or more.
        shape: One of SHAPES; None = any.
    """
    shape = shape or SHAPES[int(rng.integers(len(SHAPES)))]
    first, second = (_COLOURS[int(place)] for place in rng.permutation(len(_COLOURS))[:2])
    wide = size * _LARGER
    image = Image.new("RGBA", (wide, wide))
    pen = ImageDraw.Draw(image)
    letters = "".join(rng.choice(list(string.ascii_uppercase), int(rng.integers(2, 4))).tolist())
    if shape == "ring":
        _ring(pen, wide, first, second)
    elif shape == "shield":
        _shield(pen, wide, first, second)
    elif shape == "star":
        _star(pen, wide, first, int(rng.integers(5, 9)))
    else:
        pen.rounded_rectangle((0, wide * 0.2, wide - 1, wide * 0.8), wide * 0.1, fill=first)
    if shape in {"shield", "initials"}:
        _write(pen, letters, wide, (255, 255, 255))
    return image.resize((size, size), Image.Resampling.LANCZOS)


def _ring(pen: ImageDraw.ImageDraw, wide: int, outer: Colour, inner: Colour) -> None:
    pen.ellipse((0, 0, wide - 1, wide - 1), fill=outer)
    pen.ellipse((wide * 0.12, wide * 0.12, wide * 0.88, wide * 0.88), fill=(255, 255, 255))
    pen.ellipse((wide * 0.22, wide * 0.22, wide * 0.78, wide * 0.78), fill=inner)
    for line in range(3):  # waves, or wind
        height = wide * (0.38 + 0.12 * line)
        pen.arc((wide * 0.28, height - wide * 0.1, wide * 0.72, height + wide * 0.1), 200, 340, "white", wide // 24)


def _shield(pen: ImageDraw.ImageDraw, wide: int, fill: Colour, edge: Colour) -> None:
    outline = [(0.08, 0.05), (0.92, 0.05), (0.92, 0.55), (0.5, 0.98), (0.08, 0.55)]
    pen.polygon([(x * wide, y * wide) for x, y in outline], fill=fill, outline=edge, width=wide // 20)


def _star(pen: ImageDraw.ImageDraw, wide: int, fill: Colour, points: int) -> None:
    pen.ellipse((0, 0, wide - 1, wide - 1), fill=(255, 255, 255), outline=fill, width=wide // 16)
    corners: list[tuple[float, float]] = []
    for corner in range(2 * points):
        reach = wide * (0.4 if corner % 2 == 0 else 0.17)
        angle = math.pi * (corner / points - 0.5)
        corners.append((wide / 2 + reach * math.cos(angle), wide / 2 + reach * math.sin(angle)))
    pen.polygon(corners, fill=fill)


def _write(pen: ImageDraw.ImageDraw, letters: str, wide: int, colour: Colour) -> None:
    font = ImageFont.load_default(size=wide * (0.42 if len(letters) < 3 else 0.32))
    pen.text((wide / 2, wide * 0.48), letters, fill=colour, font=font, anchor="mm")
