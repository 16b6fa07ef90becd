"""Products that neither a picture nor a text names alone, and a tiny Gemma 3 of random weights to learn them.

usage: make.py FOLDER [--count 800] [--seed 0]

Writes FOLDER/products.csv (id, text, label), FOLDER/pictures and FOLDER/gemma. The picture shows a colour, words of the
text go with a thing, and the label is both, such as `red pot`.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from tiny_gemma import folder

COLOURS = {"red": (190, 60, 60), "green": (60, 160, 70), "blue": (60, 60, 190)}
THINGS = {"shirt": "cotton sleeve collar", "pot": "steel lid handle", "lamp": "bulb shade cable"}
FILLING = ("new", "large", "good", "fast", "nice", "with", "and")
SPREAD = 40
"""Standard deviation of a pixel's colour, of 256 levels."""


def write_products(root: Path, count: int, seed: int) -> None:
    """The table and its pictures, of 32 pixels."""
    rng, lines = np.random.default_rng(seed), ["id,text,label"]
    (root / "pictures").mkdir(parents=True)
    for place in range(count):
        colour, thing = rng.choice(list(COLOURS)), rng.choice(list(THINGS))
        words = [rng.choice(THINGS[thing].split()), *rng.choice(FILLING, 2)]
        lines.append(f"p{place:04},{' '.join(rng.permutation(words))},{colour} {thing}")
        pixels = np.clip(rng.normal(COLOURS[colour], SPREAD, (32, 32, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / "pictures" / f"p{place:04}.png")
    (root / "products.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_gemma(root: Path) -> None:
    """The model: every word of the products is a token."""
    told = " ".join(THINGS.values()).split()
    folder(root / "gemma", words=tuple(dict.fromkeys([*COLOURS, *THINGS, *told, *FILLING, "what"])), spread=0.1)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.folder.exists():
        parser.error(f"{asked.folder} is there already")
    write_products(asked.folder, asked.count, asked.seed)
    write_gemma(asked.folder)


if __name__ == "__main__":
    main()
