"""The predictions table of samples that may be of any number of classes; beside `predictions`, for one class each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.predictions import (
    UNKNOWN,
    Predictions,
    Rows,
    check_rows,
    class_names,
    damage_told,
    folds_in,
    groups_in,
    logits_in,
    read_rows,
    row_columns,
    where,
    write_table,
)


@dataclass(frozen=True)
class MultilabelPredictions:
    """Logits of N samples over C classes, each on its own, with what is true of them.

    Raises:
        InputError: The parts differ in length, an id stands twice, or a logit is not finite.
    """

    ids: tuple[str, ...]
    """N sample ids, each once."""
    truth: NDArray[np.int8]
    """(N, C) 1 where a sample is of a class, 0 where not, UNKNOWN where that is not known."""
    logits: NDArray[np.float32]
    """(N, C) raw scores, before calibration; finite. The sigmoid of each is a probability."""
    labels: LabelSpace
    groups: NDArray[np.int64] | None = None
    """(N,) number of the group each sample belongs to; None = each is on its own."""
    folds: tuple[str, ...] | None = None
    """N names of the fold that each sample was held out of training in; None = there are no folds."""

    def __post_init__(self) -> None:
        if self.truth.shape != (len(self.ids), len(self.labels)):
            raise InputError(f"truth of shape {self.truth.shape}", expected=f"{(len(self.ids), len(self.labels))}")
        check_rows(self.ids, self.logits, self.labels, self.groups, self.folds)

    def __len__(self) -> int:
        return len(self.ids)

    def known(self) -> "MultilabelPredictions":
        """The samples of which something is known, of some of their classes maybe not."""
        rows = (self.truth != UNKNOWN).any(axis=1)
        if rows.all():
            return self
        groups = None if self.groups is None else self.groups[rows]
        folds = None if self.folds is None else where(rows, self.folds)
        ids, truth, logits = where(rows, self.ids), self.truth[rows], self.logits[rows]
        return MultilabelPredictions(ids, truth, logits, self.labels, groups, folds)

    @property
    def there(self) -> NDArray[np.bool_]:
        """(N, C) whether a sample is known to be of a class."""
        return self.truth == 1

    def write(self, path: Path) -> None:
        """Write a Parquet file: as that of `Predictions`, but `label` is a list of names as in `label_column`."""
        write_table(path, row_columns(self, self.label_column), self.labels)

    @property
    def label_column(self) -> pl.Series:
        """N lists of names, `?` before those of which it is not known; null where nothing is known."""
        said = {1: self.labels.names, UNKNOWN: tuple(f"?{name}" for name in self.labels.names)}
        named = [
            [said[what][c] for what in (1, UNKNOWN) for c in np.flatnonzero(row == what)]
            if (row != UNKNOWN).any()
            else None
            for row in self.truth
        ]
        return pl.Series("label", named, dtype=pl.List(pl.String))

    @classmethod
    def read(cls, path: Path) -> "MultilabelPredictions":
        """Read what `write` wrote.

        Raises:
            InputError: No such file, or it is damaged.
        """
        with damage_told(path):
            frame, labels = pl.read_parquet(path), LabelSpace(class_names(path))
            logits = logits_in(frame["logits"], len(labels))
            truth = _truth(frame["label"], labels)
            return cls(tuple(frame["id"].to_list()), truth, logits, labels, groups_in(frame), folds_in(frame))


def _truth(column: pl.Series, labels: LabelSpace) -> NDArray[np.int8]:
    """(N, C) of a column of lists."""
    found, there = np.zeros((len(column), len(labels)), dtype=np.int8), {name: i for i, name in enumerate(labels.names)}
    for row, names in enumerate(cast(list[list[str] | None], column.to_list())):
        unsure = [name for name in names or [] if name not in there]
        found[row, [there[name] for name in names or [] if name in there]] = 1
        found[row, [there[name.removeprefix("?")] for name in unsure]] = UNKNOWN
        if names is None:
            found[row] = UNKNOWN
    return found


AnyPredictions = Predictions | MultilabelPredictions


def read_any_rows(path: Path) -> Rows:
    """The rows of a table of either kind without their logits.

    Raises:
        InputError: No such file, or it is damaged.
    """
    if not _of_several(path):
        return read_rows(path)
    with damage_told(path):
        there = [name for name in ("id", "label", "group") if name in pl.read_parquet_schema(path)]
        frame, labels = pl.read_parquet(path, columns=there), LabelSpace(class_names(path))
        if frame["id"].n_unique() != len(frame):
            raise InputError("a sample id stands twice in the predictions")
        return Rows(tuple(frame["id"].to_list()), _truth(frame["label"], labels), labels, groups_in(frame))


def _of_several(path: Path) -> bool:
    """Whether a table is of samples that may be of several classes."""
    with damage_told(path):
        return isinstance(pl.read_parquet_schema(path).get("label"), pl.List)


def known_rows(table: AnyPredictions) -> NDArray[np.bool_]:
    """(N,) whether something that is true of a sample is known: those of `known`."""
    known: NDArray[np.bool_] = table.truth != UNKNOWN
    return np.asarray(known if known.ndim == 1 else known.any(axis=1), dtype=np.bool_)


def of_one_class(tables: Mapping[str, AnyPredictions]) -> dict[str, Predictions]:
    """Name -> table, of tables of one class a sample; others were refused before."""
    return {name: table for name, table in tables.items() if isinstance(table, Predictions)}


def read_predictions(path: Path) -> AnyPredictions:
    """Read either kind of table.

    Raises:
        InputError: No such file, or it is damaged.
    """
    return MultilabelPredictions.read(path) if _of_several(path) else Predictions.read(path)
