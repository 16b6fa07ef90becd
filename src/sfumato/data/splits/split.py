"""The story of a split: units, then test, then val or a fold, each sample with the reason why it is where it is."""

from dataclasses import replace
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.data.randomness import generator
from sfumato.data.splits.by_time import blocks, ends_of_units, latest
from sfumato.data.splits.draw import draw
from sfumato.data.splits.folds import PINNED, deal
from sfumato.data.splits.leaks import refuse_leaks
from sfumato.data.splits.spec import SplitSpec
from sfumato.data.splits.units import Integers, contents, units_of
from sfumato.data.table import PARTS, UNUSED, Table, Task
from sfumato.errors import InputError

Texts = NDArray[np.object_]


def split(table: Table, spec: SplitSpec) -> Table:
    """Give every sample its part. Given parts stay; what is missing is taken from the training samples.

    The result depends on ids, labels, groups, clusters, times and the seed, never on the order of the source. A class
    keeps at least one unit (a sample, a group, a cluster of near-duplicates) for training before it is measured.

    Raises:
        InputError: A setting that has no effect because the source gives that part; a given split that leaks; samples
            without time where time decides; nothing to train on.
    """
    result = parts(table, spec)
    notes = refuse_leaks(result, spec)
    return replace(result, notes=(*result.notes, _shares(result), *notes, *_unmeasured(result)))


def parts(table: Table, spec: SplitSpec) -> Table:
    """The same, whether it leaks or not, and without notes."""
    state = _State(table, spec)
    if spec.fold is None or spec.fold_part == "val":
        state.take("test", spec.test)
    if spec.fold is not None and spec.folds is None:
        state.take_given_fold(str(spec.fold))
    elif spec.folds is not None:
        state.take_fold(cast(int, spec.fold), spec.folds)
    if spec.fold is None or spec.fold_part == "test":
        state.take("val", spec.val)
    result = state.result()
    if not len(result.part("train")):
        raise InputError("no sample is left to train on", expected="samples of the train part")
    return result


class _State:
    """Parts and reasons while they are being filled in."""

    def __init__(self, table: Table, spec: SplitSpec) -> None:
        self.table, self.spec = table, spec
        given = cast(list[str | None], table.rows["part"].to_list())
        self.given = {name for name in given if name}
        self.part: Texts = np.array([name or "train" for name in given], dtype=object)
        self.reason: Texts = np.array(["given by the data" if name else "" for name in given], dtype=object)
        self.fold: Texts = np.array(table.rows["fold"].to_list(), dtype=object)
        self.units = units_of(table.rows)
        self.matrix = contents(table)
        self.classes = contents(replace(table, rows=table.rows.with_columns(pl.lit("").alias("stratum"))))
        self.left = 1.0
        self._refuse_idle()

    def take(self, name: str, share: float) -> None:
        """Draw a part out of what would train."""
        if name in self.given or share == 0:
            return
        pool = np.flatnonzero(self.part == "train")
        units = np.unique(self.units[pool], return_inverse=True)[1]
        wanted, self.left = share / self.left, self.left - share
        if self.spec.by == "time":
            taken = latest(ends_of_units(self._times()[pool], units), wanted)
            reason = f"{name}: among the latest"
        else:
            taken = draw(self.matrix[pool], units, wanted, generator(self.spec.seed, name))
            reason = f"{name}: drawn by chance"
        kept = self._leave_one_unit(pool, units, taken)
        self.reason[pool[taken & ~kept]] = "train: the only samples of their class"
        self.part[pool[kept]], self.reason[pool[kept]] = name, reason

    def take_fold(self, fold: int, folds: int) -> None:
        """Deal what would train into folds; one of them is held out."""
        pool = np.flatnonzero(self.part == "train")
        units = np.unique(self.units[pool], return_inverse=True)[1]
        if self.spec.by == "time":
            number = blocks(ends_of_units(self._times()[pool], units), folds + 1) - 1
            later = number > fold
            self.part[pool[later]], self.reason[pool[later]] = (
                UNUSED,
                f"unused: later than the fold that is {self.spec.fold_part}",
            )
        else:
            number = deal(self.matrix[pool], units, folds, generator(self.spec.seed, "folds"))
            self.reason[pool[number == PINNED]] = "train: the only samples of their class, in every fold"
        self.fold[pool] = [str(one) if one >= 0 else None for one in number.tolist()]
        self._hold_out(pool[number == fold], f"fold {fold} of {folds}")

    def take_given_fold(self, fold: str) -> None:
        """A fold of the data's own is held out."""
        names = sorted({str(name) for name in self.fold if name is not None})
        if fold not in names:
            found = f"one of {', '.join(names[:20])}" if names else "data.split.folds, or a fold column in the data"
            raise InputError(f"no fold {fold!r} in the data", setting="data.split.fold", expected=found)
        self._hold_out(np.flatnonzero((self.fold == fold) & (self.part == "train")), f"fold {fold} of the data")

    def _hold_out(self, rows: Integers, why: str) -> None:
        """Make a fold the part that the recipe says."""
        name = self.spec.fold_part
        self.part[rows], self.reason[rows] = name, f"{name}: {why}"

    def result(self) -> Table:
        """The table with parts and reasons."""
        rest = np.where(self.part == "train", "train: not drawn for another part", self.reason)
        reason = np.where(self.reason == "", rest, self.reason)
        columns = {"part": self.part, "reason": reason, "fold": self.fold}
        series = [pl.Series(name, values.tolist(), dtype=pl.String) for name, values in columns.items()]
        return replace(self.table, rows=self.table.rows.with_columns(series))

    def _leave_one_unit(self, pool: Integers, units: Integers, taken: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Give back the smallest unit of every class that was taken whole: what is never trained can't be measured.

        Of a stratum nothing need be kept: strata of one unit, as of a column of dates, would leave no part at all.
        """
        matrix, sizes = self.classes[pool].tocsc(), np.bincount(units)
        left = np.asarray(matrix.T @ (~taken).astype(np.float64))
        kept = taken.copy()
        for cls in np.flatnonzero(left == 0).tolist():
            members = matrix.indices[matrix.indptr[cls] : matrix.indptr[cls + 1]]
            if len(members) and kept[members].all():
                own = np.unique(units[members])
                kept &= units != own[np.argmin(sizes[own])]
        return kept

    def _times(self) -> NDArray[np.float64]:
        times = self.table.rows["time"]
        if times.null_count():
            raise InputError(
                f"{times.null_count()} of {len(times)} samples have no time",
                setting="data.split.by",
                expected="data.columns.time naming a column that is never empty",
            )
        return times.to_numpy()

    def _refuse_idle(self) -> None:
        for name in ("val", "test"):
            if name in self.given and name in self.spec.changed:
                raise InputError(f"has no effect: the data gives its own {name} part", setting=f"data.split.{name}")
        if self.spec.fold is not None and self.spec.fold_part in self.given:
            what = f"has no effect: the data gives its own {self.spec.fold_part} part"
            raise InputError(what, setting="data.split.fold")
        for name in ("by", "seed", "stratify"):
            if {"val", "test"} <= self.given and name in self.spec.changed:
                raise InputError("has no effect: the data gives its own parts", setting=f"data.split.{name}")


def _shares(table: Table) -> str:
    counts = ", ".join(f"{name} {len(table.part(name))}" for name in PARTS)
    unused = len(table.part(UNUSED))
    said = [f"data.split: {counts}" + (f", unused {unused}" if unused else "")]
    for column, name in (("group", "groups"), ("cluster", "clusters of near-duplicates")):
        parts = table.rows.filter(pl.col(column).is_not_null()).group_by(column).agg(pl.col("part").n_unique())["part"]
        if len(parts):
            across = int((parts > 1).sum())
            said.append(f"{len(parts)} {name}, " + (f"{across} of them across parts" if across else "each in one part"))
    return "; ".join(said)


def _unmeasured(table: Table) -> list[str]:
    """One note a part that lacks classes: no figure can be given for them."""
    notes: list[str] = []
    for task in table.tasks:
        for name in ("val", "test"):
            column = table.part(name).rows[task.column]
            missing = _missing(column, task)
            if len(column) and missing:
                notes.append(f"data.split: too rare to stand in {name}, so not measured there: {missing}")
        missing = _missing(table.part("train").rows[task.column], task)
        if missing:
            notes.append(f"data.split: in no training sample, so never learnt: {missing}")
    return notes


def _missing(column: pl.Series, task: Task) -> str:
    there = set((column.explode() if task.many else column).drop_nulls().unique().to_list())
    names = [label for label in task.labels.names if label not in there]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
