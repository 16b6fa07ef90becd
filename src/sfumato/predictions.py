"""The predictions table: what a model said of each sample, and all that deciding, measuring and reporting ever read."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from sfumato.errors import InputError
from sfumato.labels import LabelSpace

UNKNOWN = -1
"""Truth of a sample whose class is not known."""


@dataclass(frozen=True)
class Predictions:
    """Logits of N samples over C classes, with what is true of them.

    Raises:
        InputError: The parts differ in length, an id stands twice, or a logit is not finite.
    """

    ids: tuple[str, ...]
    """N sample ids, each once."""
    truth: NDArray[np.int64]
    """(N,) class indices; UNKNOWN where the class is not known."""
    logits: NDArray[np.float32]
    """(N, C) raw scores, before calibration; finite."""
    labels: LabelSpace
    groups: NDArray[np.int64] | None = None
    """(N,) number of the group each sample belongs to; None = each is on its own."""
    folds: tuple[str, ...] | None = None
    """N names of the fold that each sample was held out of training in; None = there are no folds."""
    familiarity: NDArray[np.float32] | None = None
    """(N,) how near what the network makes of each is to its training pictures; None = it was not asked for."""

    def __post_init__(self) -> None:
        shape = (len(self.ids), len(self.labels))
        if self.logits.shape != shape or self.truth.shape != shape[:1]:
            raise InputError(f"predictions of shape {self.logits.shape} and {self.truth.shape}", expected=f"{shape}")
        if self.groups is not None and self.groups.shape != shape[:1]:
            raise InputError(f"groups of shape {self.groups.shape}", expected=f"{shape[:1]}")
        if self.folds is not None and len(self.folds) != len(self.ids):
            raise InputError(f"folds of {len(self.folds)} samples", expected=f"{len(self.ids)}")
        if len(set(self.ids)) != len(self.ids):
            raise InputError("a sample id stands twice in the predictions")
        if not np.isfinite(self.logits).all():
            raise InputError("a logit is not finite")
        if self.familiarity is not None:
            _check_familiarity(self.familiarity, shape[:1])

    def __len__(self) -> int:
        return len(self.ids)

    def known(self) -> "Predictions":
        """The samples whose class is known."""
        rows = self.truth != UNKNOWN
        if rows.all():
            return self
        groups = None if self.groups is None else self.groups[rows]
        folds = None if self.folds is None else _where(rows, self.folds)
        ids, familiarity = _where(rows, self.ids), None if self.familiarity is None else self.familiarity[rows]
        return Predictions(ids, self.truth[rows], self.logits[rows], self.labels, groups, folds, familiarity)

    def write(self, path: Path) -> None:
        """Write a Parquet file: id, label (name or null), logits (a list of C numbers); class names in its metadata.

        Where samples belong together, a column `group` says which do; where there are folds, `fold` names each one's;
        where `familiarity` was measured, it is a column too.
        """
        names = pl.Series("label", self.labels.names, dtype=pl.String)
        rows = pl.Series(self.truth, dtype=pl.Int64).replace(UNKNOWN, None)
        frame = pl.DataFrame([pl.Series("id", self.ids, dtype=pl.String), names.gather(rows), self._logits_column()])
        if self.groups is not None:
            frame = frame.with_columns(pl.Series("group", self.groups))
        if self.folds is not None:
            frame = frame.with_columns(pl.Series("fold", self.folds, dtype=pl.String))
        if self.familiarity is not None:
            frame = frame.with_columns(pl.Series("familiarity", self.familiarity))
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(path, metadata={"labels": json.dumps(self.labels.names, ensure_ascii=False)})

    def _logits_column(self) -> pl.Series:
        """A list of C numbers a row, made without a Python object for any of them."""
        return pl.Series("logits", np.ascontiguousarray(self.logits, dtype=np.float32)).arr.to_list()

    @classmethod
    def read(cls, path: Path) -> "Predictions":
        """Read what `write` wrote.

        Raises:
            InputError: No such file, or it is damaged.
        """
        if not path.is_file():
            raise InputError("no such predictions table", where=str(path))
        with _damage(path):
            return cls._read(path)

    @classmethod
    def _read(cls, path: Path) -> "Predictions":
        frame, labels = pl.read_parquet(path), _classes(path)
        folds = tuple(map(str, frame["fold"].to_list())) if "fold" in frame.columns else None
        logits = _logits(frame["logits"], len(labels))
        ids, truth, groups = tuple(frame["id"].to_list()), _truth(frame, labels), _groups(frame)
        return cls(ids, truth, logits, labels, groups, folds, familiarity_column(frame))


@dataclass(frozen=True)
class Rows:
    """What a predictions table says of its N samples beside their logits, which may be too many to hold."""

    ids: tuple[str, ...]
    truth: NDArray[np.int64]
    """(N,) class indices; UNKNOWN where the class is not known."""
    labels: LabelSpace
    groups: NDArray[np.int64] | None
    """(N,) number of the group each sample belongs to; None = each is on its own."""


def read_rows(path: Path) -> Rows:
    """The rows of a table without their logits, which `logit_blocks` gives.

    Raises:
        InputError: It is damaged.
    """
    with _damage(path):
        there = [name for name in ("id", "label", "group") if name in pl.read_parquet_schema(path)]
        frame, labels = pl.read_parquet(path, columns=there), _classes(path)
        if frame["id"].n_unique() != len(frame):
            raise InputError("a sample id stands twice in the predictions")
        return Rows(tuple(frame["id"].to_list()), _truth(frame, labels), labels, _groups(frame))


def read_classes(path: Path) -> LabelSpace:
    """The classes of a table, in the order of its logits.

    Raises:
        InputError: It is damaged.
    """
    with _damage(path):
        return _classes(path)


@contextmanager
def _damage(path: Path) -> Generator[None]:
    """Whatever is wrong with a table within the context is told in one line that names it."""
    try:
        yield
    except (PolarsError, OSError, KeyError, TypeError, ValueError, InputError) as error:
        raise InputError(f"damaged: {' '.join(str(error).split())[:200]}", where=str(path)) from None


def _truth(frame: pl.DataFrame, labels: LabelSpace) -> NDArray[np.int64]:
    index = {name: i for i, name in enumerate(labels.names)}
    return frame["label"].replace_strict(index, return_dtype=pl.Int64).fill_null(UNKNOWN).to_numpy().astype(np.int64)


def _groups(frame: pl.DataFrame) -> NDArray[np.int64] | None:
    return frame["group"].to_numpy().astype(np.int64) if "group" in frame.columns else None


def familiarity_column(frame: pl.DataFrame) -> NDArray[np.float32] | None:
    """(N,) what a table says of it; None where it has no such column."""
    return frame["familiarity"].cast(pl.Float32).to_numpy() if "familiarity" in frame.columns else None


def _check_familiarity(familiarity: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    if familiarity.shape != shape:
        raise InputError(f"familiarity of shape {familiarity.shape}", expected=f"{shape}")
    if not np.isfinite(familiarity).all():
        raise InputError("a familiarity is not finite")


def _classes(path: Path) -> LabelSpace:
    return LabelSpace(tuple(cast(list[str], json.loads(pl.read_parquet_metadata(path)["labels"]))))


def logit_blocks(path: Path, rows: int = 262_144) -> Iterator[NDArray[np.float32]]:
    """The (N, C) logits alone of a table, some rows at a time, in their order.

    What needs several large tables has no use for their ids a second time, nor for all their rows at once. A block is
    as long as what polars packs together, so that nothing is unpacked twice.

    Raises:
        InputError: It is damaged.
    """
    lazy, classes = pl.scan_parquet(path).select("logits"), len(_classes(path))
    for start in count(step=rows):
        with _damage(path):
            block = _logits(lazy.slice(start, rows).collect()["logits"], classes)
            if not np.isfinite(block).all():
                raise InputError("a logit is not finite")
        if not len(block):
            return
        yield block


def _logits(column: pl.Series, classes: int) -> NDArray[np.float32]:
    """(N, C) view of a column of lists."""
    if not len(column):
        return np.zeros((0, classes), dtype=np.float32)
    return column.cast(pl.List(pl.Float32)).list.to_array(classes).to_numpy()


def _where(rows: NDArray[np.bool_], names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the rows that are True."""
    return tuple(name for name, there in zip(names, rows.tolist(), strict=True) if there)
