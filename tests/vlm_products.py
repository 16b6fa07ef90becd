"""Products of which the picture shows the colour and the text names the thing; neither tells both."""

from pathlib import Path
from typing import Any

import numpy as np
from examples.named_products.tiny_gemma import folder
from PIL import Image

from tests.products import FILLING, THINGS

COLOURS = {"red": (190, 60, 60), "blue": (60, 60, 190)}
WORDS = tuple(dict.fromkeys([*COLOURS, *THINGS, *" ".join(THINGS.values()).split(), *FILLING, "what"]))


def vlm_products(root: Path, count: int, words: tuple[str, ...] = (), **settings: Any) -> Path:
    """`root/products.csv` of id, text and label, its pictures and a random model in `root/gemma`; the recipe's path."""
    rng = np.random.default_rng(3)
    (root / "pictures").mkdir(parents=True)
    lines = ["id,text,label"]
    for i in range(count):
        colour, thing = list(COLOURS)[i % 2], list(THINGS)[(i // 2) % 2]
        words = [rng.choice(THINGS[thing].split()), rng.choice(FILLING)]
        lines.append(f"p{i:03},{' '.join(rng.permutation(words))},{colour} {thing}")
        pixels = np.clip(rng.normal(COLOURS[colour], 40, (32, 32, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / "pictures" / f"p{i:03}.png")
    (root / "products.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder(root / "gemma", words=(*WORDS, *words), **{"spread": 0.1, **settings})
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return root / "recipe.yaml"


RECIPE = """
name: vlm
data: {source: products.csv, images: pictures, split: {val: 0.25, test: 0.25}}
model: {kind: vlm, folder: gemma, prompt: "what? {text}", window: 64}
train: {epochs: 8, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, batch_size: 16, augment: 0}
"""
