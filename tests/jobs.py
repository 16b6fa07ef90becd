"""Jobs of made-up samples, for tests of what happens within a training."""

from pathlib import Path

import numpy as np
import polars as pl
import torch
from PIL import Image
from torch import nn

from sfumato.data.augment import AugmentSpec
from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.table import Table, Task, make_table
from sfumato.labels import LabelSpace
from sfumato.models.classifier import Classifier
from sfumato.models.heads import Head, LinearHeadSpec
from sfumato.training.job import Job, TrainSpec
from sfumato.training.machine import Machine

HALF = (0.5, 0.5, 0.5)


def table_of(counts, images=None) -> Table:
    """Samples of classes `a`, `b` ... in these numbers; without pictures, unless a folder has one for each id."""
    names = [chr(ord("a") + i) for i in range(len(counts))]
    labels = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    ids = [f"{name}{i:05d}" for i, name in enumerate(labels)]
    paths = [[str(Path(images) / f"{name}.png")] if images else [] for name in ids]
    frame = pl.DataFrame(
        {"id": ids, "images": paths, "label": labels}, schema_overrides={"images": pl.List(pl.String())}
    )
    return make_table(frame, (Task("label", LabelSpace(tuple(names))),), "made up")


def job_of(model, plan, spec=None, *, train=None, val=None, size=32, folder=Path("nowhere"), machine=None) -> Job:
    train = train or table_of([3, 3, 2])
    return Job(
        model=model,
        plan=plan,
        spec=spec or TrainSpec(),
        augment=AugmentSpec(),
        preprocess=Preprocess(size, "crop", "bilinear", HALF, HALF),
        train=train,
        val=val or train.part("val"),
        machine=machine or Machine("cpu", "fp32"),
        workers=0,
        pictures=Pictures(1e9),
        folder=folder,
    )


def colours_of(counts, root: Path, size: int = 32) -> Table:
    """Samples whose pictures are noise around a colour of their class: separable, and not at once."""
    table = table_of(counts, root)
    rng = np.random.default_rng(0)
    means = rng.uniform(60, 200, (len(counts), 3))
    for name, target in zip(table.ids, table.targets.tolist(), strict=True):
        pixels = np.clip(means[target] + rng.normal(0, 12, 3) + rng.normal(0, 30, (size, size, 3)), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(root / f"{name}.png")
    return table


def tiny_model(classes: int = 3, head: Head | None = None, *, dropout: float = 0.0) -> Classifier:
    """Two convolutions with batch norm."""
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return Classifier(backbone, head or LinearHeadSpec(), 16, classes, HALF, HALF)
