"""Fashion-MNIST as Debian's package dataset-fashion-mnist has it, written as pictures and a table."""

import gzip
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

SOURCE = Path("/usr/share/datasets/fashion-mnist")
NAMES = ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def write_table(folder: Path, subset: Callable[[NDArray[np.uint8]], list[int]]) -> Path:
    """A subset of the training images, by their labels, and all test images: PNG files and a table of them."""
    target = folder / "table.csv"
    if target.is_file():
        return target
    rows: list[tuple[str, str, str]] = []
    for part in ("train", "t10k"):
        pictures, labels = _read(f"{part}-images-idx3-ubyte.gz", 16), _read(f"{part}-labels-idx1-ubyte.gz", 8)
        pictures = pictures.reshape(-1, 28, 28)
        (folder / part).mkdir(parents=True, exist_ok=True)
        for i in subset(labels) if part == "train" else range(len(labels)):
            path = folder / part / f"{i:05d}.png"
            Image.fromarray(pictures[i]).save(path)
            rows.append((f"{part}/{path.name}", NAMES[labels[i]], "train" if part == "train" else "test"))
    frame = pl.DataFrame(rows, schema=["image", "label", "split"], orient="row")
    frame.with_columns(id=pl.col("image")).write_csv(target)
    return target


def _read(name: str, head: int) -> NDArray[np.uint8]:
    if not (SOURCE / name).is_file():
        sys.exit(f"{SOURCE / name} is missing: apt-get install dataset-fashion-mnist")
    return np.frombuffer(gzip.decompress((SOURCE / name).read_bytes()), dtype=np.uint8, offset=head)
