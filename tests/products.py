"""Products made by the tests: a picture of a shape, a title and a description, of which each tells a part of the class."""

from pathlib import Path

import numpy as np

from tests.pictures import KINDS, picture

THINGS = {"shirt": "cotton sleeve collar", "pot": "steel lid handle"}
FILLING = ("new", "large", "good", "fast", "blue", "nice", "with", "and")


def products(root: Path, count: int, size: int = 32) -> Path:
    """`root/pictures/ID.png` and `root/products.csv` of id, title, description and label.

    The label is KIND-THING: the picture shows the kind, the texts name the thing, and neither tells both.
    """
    rng = np.random.default_rng(7)
    (root / "pictures").mkdir(parents=True)
    lines = ["id,title,description,label"]
    for i in range(count):
        kind, thing = KINDS[i % 2], list(THINGS)[(i // 2) % 2]
        words = rng.choice(THINGS[thing].split(), 2)
        title = f"{words[0]} {rng.choice(FILLING)}"
        lines.append(f"p{i:03},{title},{words[1]} {rng.choice(FILLING)} {rng.choice(FILLING)},{kind}-{thing}")
        picture(kind, i, size).save(root / "pictures" / f"p{i:03}.png")
    (root / "products.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / "products.csv"


def recipe(root: Path, model: str = "", rest: str = "") -> Path:
    """A recipe over them: two epochs with frozen towers, then everything."""
    text = f"""
name: products
data: {{source: products.csv, images: pictures, split: {{val: 0.25, test: 0.25}}}}
model: {{kind: image_text, image: {{backbone: test_resnet, weights: none}}, text: {{kind: ngrams, width: 32, buckets: 512}}, head: {{kind: mlp, hidden: 32, dropout: 0}}{model}}}
augment: {{flips: [horizontal]}}
train: {{epochs: 4, optimizer: {{lr: 1e-2}}, precision: fp32, workers: 0}}
timeline:
  - {{at: 0ep, image_size: 32, batch_size: 16, learn: {{"head.*": 1, "missing.*": 1, "*": frozen}}}}
  - {{at: 1ep, learn: {{"*": 1}}}}
{rest}
"""
    (root / "recipe.yaml").write_text(text, encoding="utf-8")
    return root / "recipe.yaml"
