"""Small pictures made by the tests: discs, stripes and checks in random colours, which a tiny network can tell apart."""

from pathlib import Path

import numpy as np
from PIL import Image

KINDS = ("disc", "stripes", "checks")


def picture(kind: str, seed: int, size: int = 48) -> Image.Image:
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    y, x = np.mgrid[0:size, 0:size] / size
    shift, width = rng.uniform(0, 1), rng.uniform(4, 6)
    mask = {
        "disc": (x - 0.5) ** 2 + (y - 0.5) ** 2 < rng.uniform(0.08, 0.16),
        "stripes": np.sin(2 * np.pi * (width * x + shift)) > 0,
        "checks": (np.sin(2 * np.pi * (width * x + shift)) > 0) ^ (np.sin(2 * np.pi * (width * y + shift)) > 0),
    }[kind]
    front, back = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    noisy = np.where(mask[:, :, None], front, back) + rng.normal(0, 12, (size, size, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def folder_per_class(root: Path, counts: dict[str, int], size: int = 48) -> Path:
    """`root/NAME/i.png`, the kinds of pictures given to the class names in turn."""
    for turn, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            picture(KINDS[turn % len(KINDS)], 1000 * turn + i, size).save(root / name / f"{i:03}.png")
    return root


COLOURS = {"red": (220, 40, 40), "green": (40, 190, 60), "blue": (50, 70, 220)}


def shapes_and_colours(root: Path, count: int, size: int = 48) -> Path:
    """`root/pictures/i.png` of a kind and a colour, drawn by chance, and `root/table.csv` that says which.

    Every seventh picture has no answer to one of the two questions.
    """
    rng = np.random.default_rng(5)
    (root / "pictures").mkdir(parents=True)
    lines = ["image,shape,colour"]
    for i in range(count):
        kind, colour = str(rng.choice(KINDS, p=[0.5, 0.3, 0.2])), str(rng.choice(list(COLOURS)))
        mask = np.array(picture(kind, i, size).convert("L"), dtype=float)
        light = (mask > mask.mean())[:, :, None]
        pixels = np.where(light, COLOURS[colour], 20) + rng.normal(0, 8, (size, size, 3))
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(root / "pictures" / f"{i:03}.png")
        known = (kind if i % 14 else "", colour if i % 14 != 7 else "")
        lines.append(f"pictures/{i:03}.png,{known[0]},{known[1]}")
    (root / "table.csv").write_text("\n".join(lines) + "\n")
    return root / "table.csv"


def marks(root: Path, count: int, size: int = 48) -> Path:
    """`root/pictures/i.png` with any of the marks `red`, `green` and `蓝`, none at times (`|`), and `root/table.csv`.

    The marks are squares of a colour, each in a corner of its own. Every fifteenth picture has no answer.
    """
    rng = np.random.default_rng(7)
    (root / "pictures").mkdir(parents=True)
    lines = ["image,marks"]
    places = {"red": (4, 4), "green": (4, size - 18), "蓝": (size - 18, 4)}
    for i in range(count):
        there = [name for name, share in zip(places, (0.6, 0.4, 0.25), strict=True) if rng.random() < share]
        pixels = rng.normal(110, 18, (size, size, 3))
        for name, colour in zip(places, COLOURS.values(), strict=True):
            if name in there:
                top, left = places[name]
                pixels[top : top + 14, left : left + 14] = colour
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(root / "pictures" / f"{i:03}.png")
        lines.append(f"pictures/{i:03}.png,{'' if i % 15 == 14 else '|'.join(there) or '|'}")
    (root / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / "table.csv"
