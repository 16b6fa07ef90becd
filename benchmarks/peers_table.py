"""The cells that Sfumato and its peers train on."""

import csv
import random
from pathlib import Path

from sfumato.demo.elpv import read_cells


def write_cells(path: Path, train: int, val: int) -> None:
    """A table of so many cells of each part, drawn by chance."""
    cells = random.Random(0).sample(list(read_cells()), train + val)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "label", "part"])
        for i, cell in enumerate(cells):
            writer.writerow([cell.image.stem, cell.image, cell.label, "train" if i < train else "val"])
