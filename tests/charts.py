"""A gallery made by the tests: charts with marks on them, which their product goes by, among pictures that are none."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.pictures import COLOURS, KINDS, picture

ELEMENTS = ("red", "green")
PRODUCTS = {("red",): "wind", ("green",): "rain", ("red", "green"): "storm"}
RECIPES = {
    "gate": """
name: gate
data: {source: gallery.csv, columns: {label: is_chart}}
model: {backbone: test_resnet, weights: none}
preprocess: {fit: pad}
train: {epochs: 2, optimizer: {lr: 1e-2}, precision: fp32, workers: 0}
timeline: [{at: 0ep, image_size: 32, batch_size: 16, augment: 0}]
""",
    "elements": """
name: elements
data: {source: gallery.csv, columns: {label: elements, split: outer}}
model: {backbone: test_resnet, weights: none}
preprocess: {fit: pad}
train: {epochs: 3, optimizer: {lr: 1e-2}, precision: fp32, workers: 0}
timeline: [{at: 0ep, image_size: 32, batch_size: 16, augment: 0, loss: {kind: binary_cross_entropy}}]
""",
    "products": """
name: products
data: {source: gallery.csv, columns: {label: product, text: title}, elements: {run: elements}}
model: {kind: image_text, image: {backbone: test_resnet, weights: none}, text: {kind: ngrams, width: 32, buckets: 512}, head: {kind: mlp, hidden: 32, dropout: 0}}
preprocess: {fit: pad}
train: {epochs: 3, optimizer: {lr: 1e-2}, precision: fp32, workers: 0}
timeline: [{at: 0ep, image_size: 32, batch_size: 16, augment: 0}]
""",
}


def gallery(root: Path, count: int, size: int = 40) -> Path:
    """`root/pictures/ID.png` and `root/gallery.csv`: id, image, is_chart, elements, product, title, split, outer.

    Two of three are charts: noise on grey with squares, each an element, in a corner of its own; the product goes by
    the squares, and there is always one. `outer` is `split` with val in train, for a cross-validation. The others are shapes in bright colours, and have neither.
    """
    rng = np.random.default_rng(11)
    (root / "pictures").mkdir(parents=True)
    lines = ["id,image,is_chart,elements,product,title,split,outer"]
    for i in range(count):
        part = ("train", "train", "val", "train", "val", "test")[i // 3 % 6]
        name, outer = f"p{i:03}", "test" if part == "test" else "train"
        if i % 3 == 0:
            picture(KINDS[i % len(KINDS)], i, size).save(root / "pictures" / f"{name}.png")
            lines.append(f"{name},pictures/{name}.png,no,,,,{part},{outer}")
            continue
        there = list(PRODUCTS)[int(rng.integers(3))]
        chart(there, i, size).save(root / "pictures" / f"{name}.png")
        lines.append(f"{name},pictures/{name}.png,yes,{'|'.join(there)},{PRODUCTS[there]},Chart {i % 4},{part},{outer}")
    (root / "gallery.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, text in RECIPES.items():
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")
    return root / "gallery.csv"


def chart(there: tuple[str, ...], seed: int, size: int = 40) -> Image.Image:
    """A chart with these elements."""
    pixels = np.random.default_rng(seed).normal(110, 12, (size, size, 3))
    for name, (top, left) in zip(ELEMENTS, ((4, 4), (4, size - 18)), strict=True):
        if name in there:
            pixels[top : top + 14, left : left + 14] = COLOURS[name]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
