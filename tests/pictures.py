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
