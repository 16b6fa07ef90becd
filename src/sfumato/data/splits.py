"""Which sample trains, which chooses and which only measures; groups stay whole, classes are spread evenly."""

from dataclasses import replace
from typing import Annotated, Self, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sfumato.data.randomness import generator
from sfumato.data.table import PARTS, Table
from sfumato.errors import InputError
from sfumato.spec import Spec

Integers = NDArray[np.int64]
Taken = NDArray[np.bool_]
Floats = NDArray[np.float64]


class SplitSpec(Spec):
    """Shares of the samples; a split column or train, val and test folders take precedence over them."""

    val: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Share that chooses the best weights, temperature and thresholds; 0 = nothing is chosen."""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Share that is only measured; 0 = nothing is measured."""
    stratify: tuple[str, ...] = ()
    """Columns whose values are spread evenly over the parts, besides the class."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Changes which samples fall into which part; apart from train.seed, so that seeds compare on equal data."""

    @model_validator(mode="after")
    def _leave_something(self) -> Self:
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val:g} and test {self.test:g} leave nothing to train on")
        return self


def split(table: Table, spec: SplitSpec) -> Table:
    """Give every sample its part. Given parts stay; what is missing is taken from the training samples.

    The result depends on ids, labels, groups and the seed, never on the order of the source. A class keeps at least
    one sample (or group) for training before anything is measured on it.

    Raises:
        InputError: A share that has no effect because the source gives that part; nothing to train on.
    """
    given = set(cast(list[str], table.rows["part"].drop_nulls().unique().to_list()))
    for name in ("val", "test"):
        if name in given and name in spec.changed:
            raise InputError(f"has no effect: the data gives its own {name} part", setting=f"data.split.{name}")
    part = np.array([name or "train" for name in cast(list[str | None], table.rows["part"].to_list())])
    share_left = 1.0
    for name in ("test", "val"):
        share = cast(float, getattr(spec, name))
        if name in given or share == 0:
            continue
        pool = np.flatnonzero(part == "train")
        part[pool[_take(table.rows[pool], share / share_left, (spec.seed, name))]] = name
        share_left -= share
    result = replace(table, rows=table.rows.with_columns(pl.Series("part", part.tolist(), dtype=pl.String)))
    if not len(result.part("train")):
        raise InputError("no sample is left to train on", expected="samples of the train part")
    return replace(result, notes=(*result.notes, _shares(result), *_unmeasured(result)))


def _take(pool: pl.DataFrame, share: float, key: tuple[int, str]) -> Taken:
    """(N,) True for about `share` of every stratum of the pool, groups whole.

    scikit-learn's StratifiedGroupKFold is not used: with a few dozen groups its folds differed threefold in their share
    of a class, and its seed changed nothing but ties.
    """
    stratum = pool.select(pl.concat_str(pl.col("label"), pl.col("stratum").fill_null(""), separator="\n"))
    y, label = _codes(stratum.to_series()), _codes(pool["label"])
    group = _codes(pool.select(pl.coalesce("group", "id")).to_series())
    wanted: Floats = share * np.bincount(y).astype(np.float64)
    together = np.bincount(group)[group] > 1
    taken = np.isin(group, _even_groups(y[together], group[together], wanted, generator(*key, "groups")))
    still = wanted - np.bincount(y[taken], minlength=len(wanted))
    taken |= _fill(y, ~together, still, generator(*key, "singles"))
    return _leave_each_class_one_group(taken, label, group)


def _codes(values: pl.Series) -> Integers:
    """(N,) whole numbers from 0, equal where the values are."""
    return np.unique(values.to_numpy(), return_inverse=True)[1]


def _even_groups(y: Integers, group: Integers, wanted: Floats, rng: np.random.Generator) -> Integers:
    """Groups that together come as near as can be found to `wanted` samples of every stratum, by chi-square.

    In a random order, a group is taken if it brings the counts nearer; the best of several orders wins, of many where
    groups are few and each one matters.
    """
    names, place = np.unique(group, return_inverse=True)
    if not len(names):
        return names
    counts = np.zeros((len(names), len(wanted)))
    np.add.at(counts, (place, y), 1)
    found: list[tuple[float, Integers]] = []
    scale = 1 / np.maximum(wanted, 1)
    for _ in range(int(np.clip(20_000 // len(names), 1, 500))):
        chosen, missing = [], wanted.copy()
        off = float(missing**2 @ scale)
        for g in rng.permutation(len(names)).tolist():
            off_with = float((missing - counts[g]) ** 2 @ scale)
            if off_with < off:
                chosen.append(g)
                missing, off = missing - counts[g], off_with
        found.append((off, names[chosen]))
    return min(found, key=lambda one: one[0])[1]


def _fill(y: Integers, free: Taken, wanted: Floats, rng: np.random.Generator) -> Taken:
    """(N,) True for `wanted` of the free samples of each stratum, rounded so that their sum is right."""
    available = np.bincount(y[free], minlength=len(wanted))
    exact = np.clip(wanted, 0, available)
    number = np.floor(exact).astype(np.int64)
    rest = round(float(exact.sum())) - int(number.sum())
    nearest = np.argsort(number - exact, kind="stable")
    number[nearest[: max(0, rest)]] += 1
    order = rng.permutation(len(y))
    order = order[free[order]]
    order = order[np.argsort(y[order], kind="stable")]
    first = np.concatenate([[0], np.cumsum(available)[:-1]])
    rank = np.arange(len(order)) - first[y[order]]
    taken = np.zeros(len(y), dtype=bool)
    taken[order[rank < np.minimum(number, available)[y[order]]]] = True
    return taken


def _leave_each_class_one_group(taken: Taken, label: Integers, group: Integers) -> Taken:
    """Give back the smallest group of every class that was taken whole: what is never trained can't be measured."""
    for cls in np.flatnonzero(np.bincount(label[~taken], minlength=label.max(initial=0) + 1) == 0):
        sizes = np.bincount(group)
        candidates = np.unique(group[label == cls])
        taken = taken & (group != candidates[np.argmin(sizes[candidates])])
    return taken


def _shares(table: Table) -> str:
    counts = ", ".join(f"{name} {len(table.part(name))}" for name in PARTS)
    groups = table.rows["group"].drop_nulls().n_unique()
    return f"data.split: {counts}" + (f"; {groups} groups, each in one part" if groups else "")


def _unmeasured(table: Table) -> list[str]:
    """One note a part that lacks classes: no figure can be given for them."""
    notes: list[str] = []
    for name in ("val", "test"):
        part = table.part(name)
        missing = [table.labels.names[i] for i in np.flatnonzero(part.class_counts == 0)]
        if len(part) and missing:
            few = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            notes.append(f"data.split: too rare to stand in {name}: {few}")
    return notes
