"""Data that is not there yet: a table of samples without pictures, so that a recipe can be planned before any."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.data.splits.spec import SplitSpec
from sfumato.data.table import Table, Task, make_table
from sfumato.errors import InputError
from sfumato.labels import LabelSpace

GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Assumed:
    """How much data a plan is made for."""

    samples: int = 10_000
    """Of all parts together."""
    classes: int = 10
    imbalance: float = 1.0
    """Samples of the largest class for one of the rarest; sizes between them fall by equal shares."""


def assumed_table(
    assumed: Assumed, split: SplitSpec, label: str | tuple[str, ...] | None = None, *, multilabel: bool = False
) -> Table:
    """Samples in the parts the recipe's shares give them; nothing of them can be trained on.

    Several label columns have the same answers, since nothing is known of any. Where `multilabel` says that a sample
    may be of several classes, each is of one all the same.

    Raises:
        InputError: Too few samples or classes.
    """
    if assumed.imbalance < 1:
        raise InputError(f"an imbalance of {assumed.imbalance:g}", where="assumed data", expected="1 or more")
    if assumed.classes < 2 or assumed.samples < 2 * assumed.classes:
        found = f"{assumed.samples} samples of {assumed.classes} classes"
        raise InputError(found, where="assumed data", expected="at least two classes, and two samples of each")
    test = round(split.test * assumed.samples)
    share = 1 / split.folds if split.folds else split.val
    val = round(share * (assumed.samples - test if split.folds else assumed.samples))
    names = [f"class {number + 1}" for number in range(assumed.classes)]
    row = pl.int_range(assumed.samples, eager=True)
    code = _classes(assumed)
    of_many = multilabel and not (isinstance(label, tuple) and len(label) > 1)
    columns = [f"label.{name}" for name in label] if isinstance(label, tuple) and len(label) > 1 else ["label"]
    train = assumed.samples - val - test
    answers = pl.Series([names[i] for i in code.tolist()], dtype=pl.String)
    rows = pl.select(
        *((answers.reshape((-1, 1)).arr.to_list() if of_many else answers).alias(column) for column in columns),
        id=pl.format("{}", row.cast(pl.String).str.zfill(9)),
        images=pl.lit([], dtype=pl.List(pl.String)),
        text=pl.lit("assumed"),
        part=pl.when(row < train)
        .then(pl.lit("train"))
        .when(row < train + val)
        .then(pl.lit("val"))
        .otherwise(pl.lit("test")),
    )
    size = "of equal size" if assumed.imbalance == 1 else f"from {assumed.imbalance:g} samples down to 1"
    held = f"{assumed.samples:,} samples of {assumed.classes} classes {size}"
    note = f"data.source: none yet; assumed are {held} (--samples, --classes, --imbalance)"
    tasks = tuple(Task(column, LabelSpace(tuple(names)), many=of_many) for column in columns)
    return make_table(rows, tasks, "assumed data", (note,))


def _classes(assumed: Assumed) -> NDArray[np.int64]:
    """(N,) class of each sample; every stretch of samples has its share of every class."""
    row = np.arange(assumed.samples)
    if assumed.imbalance == 1:
        return row % assumed.classes
    sizes = assumed.imbalance ** -np.linspace(0, 1, assumed.classes)
    # multiples of the golden ratio fill the unit evenly
    return np.searchsorted(np.cumsum(sizes / sizes.sum())[:-1], row * GOLDEN % 1)
