"""Jobs of made-up samples, for tests of what happens within a training."""

from pathlib import Path

import polars as pl

from sfumato.data.augment import AugmentSpec
from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.table import Table, Task, make_table
from sfumato.labels import LabelSpace
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


def job_of(model, plan, spec=None, *, train=None, val=None, size=32, folder=Path("nowhere")) -> Job:
    train = train or table_of([3, 3, 2])
    return Job(
        model=model,
        plan=plan,
        spec=spec or TrainSpec(),
        augment=AugmentSpec(),
        preprocess=Preprocess(size, "crop", "bilinear", HALF, HALF),
        train=train,
        val=val or train.part("val"),
        machine=Machine("cpu", "fp32"),
        workers=0,
        pictures=Pictures(1e9),
        folder=folder,
    )
