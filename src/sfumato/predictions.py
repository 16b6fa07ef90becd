"""The predictions table: what a model said of each sample, and all that deciding, measuring and reporting ever read."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from sfumato.errors import InputError
from sfumato.labels import Label, LabelSpace

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
        if self.truth.shape != shape[:1]:
            raise InputError(f"predictions of shape {self.logits.shape} and {self.truth.shape}", expected=f"{shape}")
        check_rows(self.ids, self.logits, self.labels, self.groups, self.folds)
        if self.familiarity is not None:
            _check_familiarity(self.familiarity, shape[:1])

    def __len__(self) -> int:
        return len(self.ids)

    def known(self) -> "Predictions":
        """The samples whose class is known."""
        rows = self.truth != UNKNOWN
        return self if rows.all() else self.only(rows)

    def only(self, rows: NDArray[np.bool_]) -> "Predictions":
        """The samples where (N,) `rows` is True, in their order."""
        groups = None if self.groups is None else self.groups[rows]
        folds = None if self.folds is None else where(rows, self.folds)
        ids, familiarity = where(rows, self.ids), None if self.familiarity is None else self.familiarity[rows]
        return Predictions(ids, self.truth[rows], self.logits[rows], self.labels, groups, folds, familiarity)

    def write(self, path: Path) -> None:
        """Write a Parquet file: id, label (name or null), logits (a list of C numbers); class names in its metadata.

        Where samples belong together, a column `group` says which do; where there are folds, `fold` names each one's;
        where `familiarity` was measured, it is a column too.
        """
        write_table(path, with_familiarity(row_columns(self, self.label_column), self.familiarity), self.labels)

    @property
    def label_column(self) -> pl.Series:
        """N names of classes, null where none is known."""
        names = pl.Series("label", self.labels.names, dtype=pl.String)
        return names.gather(pl.Series(self.truth, dtype=pl.Int64).replace(UNKNOWN, None))

    @classmethod
    def read(cls, path: Path) -> "Predictions":
        """Read what `write` wrote.

        Raises:
            InputError: No such file, or it is damaged.
        """
        with damage_told(path):
            return cls._read(path)

    @classmethod
    def _read(cls, path: Path) -> "Predictions":
        frame, labels = pl.read_parquet(path), _classes(path)
        logits, truth = logits_in(frame["logits"], len(labels)), _truth(frame, labels)
        ids, groups, folds = tuple(frame["id"].to_list()), groups_in(frame), folds_in(frame)
        return cls(ids, truth, logits, labels, groups, folds, familiarity_in(frame))


class _Table(Protocol):
    """What tables of both kinds have beside what is true."""

    @property
    def ids(self) -> tuple[str, ...]: ...
    @property
    def logits(self) -> NDArray[np.float32]: ...
    @property
    def groups(self) -> NDArray[np.int64] | None: ...
    @property
    def folds(self) -> tuple[str, ...] | None: ...


def check_rows(
    ids: tuple[str, ...],
    logits: NDArray[np.float32],
    labels: LabelSpace,
    groups: NDArray[np.int64] | None,
    folds: tuple[str, ...] | None,
) -> None:
    """Refuse parts of different lengths, an id that stands twice, and logits that are not finite."""
    shape = (len(ids), len(labels))
    if logits.shape != shape:
        raise InputError(f"logits of shape {logits.shape}", expected=f"{shape}")
    if groups is not None and groups.shape != shape[:1]:
        raise InputError(f"groups of shape {groups.shape}", expected=f"{shape[:1]}")
    if folds is not None and len(folds) != len(ids):
        raise InputError(f"folds of {len(folds)} samples", expected=f"{len(ids)}")
    if len(set(ids)) != len(ids):
        raise InputError("a sample id stands twice in the predictions")
    if not np.isfinite(logits).all():
        raise InputError("a logit is not finite")


def row_columns(table: _Table, label: pl.Series) -> pl.DataFrame:
    """The columns of a table: what is true in `label`, the logits made without a Python object for any of them."""
    logits = pl.Series("logits", np.ascontiguousarray(table.logits, dtype=np.float32)).arr.to_list()
    frame = pl.DataFrame([pl.Series("id", table.ids, dtype=pl.String), label, logits])
    if table.groups is not None:
        frame = frame.with_columns(pl.Series("group", table.groups))
    return frame if table.folds is None else frame.with_columns(pl.Series("fold", table.folds, dtype=pl.String))


def with_familiarity(frame: pl.DataFrame, familiarity: NDArray[np.float32] | None) -> pl.DataFrame:
    """The columns of a table and, where it was measured, (N,) familiarity."""
    return frame if familiarity is None else frame.with_columns(pl.Series("familiarity", familiarity))


def write_table(path: Path, frame: pl.DataFrame, labels: LabelSpace) -> None:
    """Write a Parquet file with the names of the classes in its metadata, and the elements they show if any says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about: dict[str, object] = {"labels": labels.names}
    if labels.elements:
        about["elements"] = [label.elements for label in labels.labels]
    frame.write_parquet(path, metadata={key: json.dumps(value, ensure_ascii=False) for key, value in about.items()})


@dataclass(frozen=True)
class Rows:
    """What a predictions table says of its N samples beside their logits, which may be too many to hold."""

    ids: tuple[str, ...]
    truth: NDArray[np.signedinteger]
    """(N,) class indices; or (N, C) as in `multilabel_predictions`. UNKNOWN where it is not known."""
    labels: LabelSpace
    groups: NDArray[np.int64] | None
    """(N,) number of the group each sample belongs to; None = each is on its own."""


def read_rows(path: Path) -> Rows:
    """The rows of a table without their logits, which `logit_blocks` gives.

    Raises:
        InputError: It is damaged.
    """
    with damage_told(path):
        there = [name for name in ("id", "label", "group") if name in pl.read_parquet_schema(path)]
        frame, labels = pl.read_parquet(path, columns=there), _classes(path)
        if frame["id"].n_unique() != len(frame):
            raise InputError("a sample id stands twice in the predictions")
        return Rows(tuple(frame["id"].to_list()), _truth(frame, labels), labels, groups_in(frame))


def read_classes(path: Path) -> LabelSpace:
    """The classes of a table, in the order of its logits.

    Raises:
        InputError: It is damaged.
    """
    with damage_told(path):
        return _classes(path)


@contextmanager
def damage_told(path: Path) -> Generator[None]:
    """Whatever is wrong with a table within the context is told in one line that names it."""
    if not path.is_file():
        raise InputError("no such predictions table", where=str(path))
    try:
        yield
    except (PolarsError, OSError, KeyError, TypeError, ValueError, InputError) as error:
        raise InputError(f"damaged: {' '.join(str(error).split())[:200]}", where=str(path)) from None


def _truth(frame: pl.DataFrame, labels: LabelSpace) -> NDArray[np.int64]:
    index = {name: i for i, name in enumerate(labels.names)}
    return frame["label"].replace_strict(index, return_dtype=pl.Int64).fill_null(UNKNOWN).to_numpy().astype(np.int64)


def groups_in(frame: pl.DataFrame) -> NDArray[np.int64] | None:
    """(N,) number of each sample's group; None = each is on its own."""
    return frame["group"].to_numpy().astype(np.int64) if "group" in frame.columns else None


def folds_in(frame: pl.DataFrame) -> tuple[str, ...] | None:
    """N names of the samples' folds; None = there are none."""
    return tuple(map(str, frame["fold"].to_list())) if "fold" in frame.columns else None


def familiarity_in(frame: pl.DataFrame) -> NDArray[np.float32] | None:
    """(N,) familiarity of the samples; None = it was not measured."""
    return frame["familiarity"].cast(pl.Float32).to_numpy() if "familiarity" in frame.columns else None


def _check_familiarity(familiarity: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    if familiarity.shape != shape:
        raise InputError(f"familiarity of shape {familiarity.shape}", expected=f"{shape}")
    if not np.isfinite(familiarity).all():
        raise InputError("a familiarity is not finite")


def class_names(path: Path) -> tuple[str, ...]:
    """The C classes, from a file's metadata."""
    return tuple(cast(list[str], json.loads(pl.read_parquet_metadata(path)["labels"])))


def _classes(path: Path) -> LabelSpace:
    names, said = class_names(path), pl.read_parquet_metadata(path).get("elements")
    if said is None:
        return LabelSpace(names)
    shown = cast(list[list[str]], json.loads(said))
    details = [Label(name, elements=tuple(elements)) for name, elements in zip(names, shown, strict=True)]
    return LabelSpace(names, tuple(details))


def logit_blocks(path: Path, rows: int = 262_144) -> Iterator[NDArray[np.float32]]:
    """The (N, C) logits alone of a table, some rows at a time, in their order.

    What needs several large tables has no use for their ids a second time, nor for all their rows at once. A block is
    as long as what polars packs together, so that nothing is unpacked twice.

    Raises:
        InputError: It is damaged.
    """
    lazy, classes = pl.scan_parquet(path).select("logits"), len(_classes(path))
    for start in count(step=rows):
        with damage_told(path):
            block = logits_in(lazy.slice(start, rows).collect()["logits"], classes)
            if not np.isfinite(block).all():
                raise InputError("a logit is not finite")
        if not len(block):
            return
        yield block


def logits_in(column: pl.Series, classes: int) -> NDArray[np.float32]:
    """(N, C) view of a column of lists."""
    if not len(column):
        return np.zeros((0, classes), dtype=np.float32)
    return column.cast(pl.List(pl.Float32)).list.to_array(classes).to_numpy()


def where(rows: NDArray[np.bool_], names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the rows that are True."""
    return tuple(name for name, there in zip(names, rows.tolist(), strict=True) if there)
