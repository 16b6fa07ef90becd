"""The samples that tables of several members are about, told apart by their ids and joined to one list."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.fusion.fusion import Floats
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.metrics.membership import Truth
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions, read_any_rows
from sfumato.predictions import UNKNOWN, Predictions

SAME = "give all the same data and data.split (seed, shares), or cross-validate them on the same folds"
ABSENT = -1
"""Row of a sample that a member left out."""
Integers = NDArray[np.int64]
Labels = NDArray[np.signedinteger]


@dataclass(frozen=True)
class Samples:
    """What all members' tables agree on, of N samples in the order of the first table."""

    ids: tuple[str, ...]
    truth: Labels
    """(N,) class indices, or (N, C) 1 or 0 where a sample may be of several; UNKNOWN where it is not known."""
    labels: LabelSpace
    groups: Integers | None
    """(N,) of the first table that has groups; None = none has."""

    @property
    def several(self) -> bool:
        """Whether a sample may be of several classes."""
        return self.truth.ndim == 2

    def known(self) -> Integers:
        """Indices of the samples of which something is known."""
        there = self.truth != UNKNOWN
        return np.flatnonzero(there.any(axis=1) if self.several else there)

    def so(self, rows: Integers | slice) -> Truth:
        """What is true of (n,) samples, as in `membership`."""
        truth = self.truth[rows]
        return truth.astype(np.int8) if self.several else truth.astype(np.int64)

    def table(self, logits: Floats) -> AnyPredictions:
        """A predictions table that says these (N, C) logits of the samples."""
        if self.several:
            return MultilabelPredictions(self.ids, self.truth.astype(np.int8), logits, self.labels, self.groups)
        return Predictions(self.ids, self.truth.astype(np.int64), logits, self.labels, self.groups)


def samples_of(path: Path) -> Samples:
    """Those of one predictions table."""
    table = read_any_rows(path)
    return Samples(table.ids, table.truth, table.labels, table.groups)


def columns_of(labels: LabelSpace, whole: LabelSpace, path: Path) -> Integers | None:
    """(C,) column of a table for each class of the whole; None = they stand in the same order."""
    if labels.names == whole.names:
        return None
    return np.array(labels.places_of(whole, str(path)), dtype=np.int64)


def in_order(truth: Labels, labels: LabelSpace, whole: LabelSpace) -> Labels:
    """What is true over one space as over another of the same classes."""
    if labels.names == whole.names:
        return truth
    if truth.ndim == 2:
        return truth[:, np.array(labels.places_of(whole, ""))]
    places = np.array([*whole.places_of(labels, ""), UNKNOWN], dtype=np.int64)
    return places[truth]  # UNKNOWN is -1, the last


def rows_of(
    ids: tuple[str, ...], others: tuple[str, ...], first: Path, path: Path, lacking: Collection[str]
) -> Integers | None:
    """(N,) row among the others of each id, ABSENT if it may be lacking and is; None = they are the same."""
    if ids == others:
        return None
    places = {name: place for place, name in enumerate(others)}
    missing = next((name for name in ids if name not in places and name not in lacking), None)
    if missing is not None:
        raise InputError(
            f"no sample {missing!r}, which {first} has", where=str(path), expected="the same samples", mend=SAME
        )
    there = set(ids)
    extra = next((name for name in others if name not in there), None)
    if extra is not None:
        raise InputError(
            f"sample {extra!r}, which {first} lacks", where=str(path), expected="the same samples", mend=SAME
        )
    return np.array([places.get(name, ABSENT) for name in ids], dtype=np.int64)


def refuse_other_truth(samples: Samples, truth: Labels, rows: Integers | None, first: Path, path: Path) -> None:
    """Refuse a table of which a sample is of another class, or of several where the first has one."""
    if truth.ndim != samples.truth.ndim:
        kinds = ("several classes a sample", "one class a sample")
        what, expected = kinds if truth.ndim == 2 else kinds[::-1]
        raise InputError(what, where=str(path), expected=f"{expected}, as in {first}")
    other = samples.truth != truth
    there = True if rows is None else rows != ABSENT
    differ = np.flatnonzero((other if truth.ndim == 1 else other.any(axis=1)) & there)
    if len(differ):
        at = int(differ[0])
        here, there = (_named(one[at], samples.labels) for one in (truth, samples.truth))
        raise InputError(
            f"sample {samples.ids[at]!r} is {here!r}, in {first} it is {there!r}",
            where=str(path),
            expected="the same truth",
            mend="train all on the same labels",
        )


def _named(truth: Labels, labels: LabelSpace) -> str:
    """What is true of one sample, in words."""
    if truth.ndim == 0:
        return "unknown" if truth == UNKNOWN else labels.names[int(truth)]
    return "unknown" if (truth == UNKNOWN).any() else ", ".join(labels.names[c] for c in np.flatnonzero(truth))


def extended(samples: Samples, other: Samples, path: Path, may: Collection[str]) -> Samples:
    """With those samples of another table that may be lacking, and are."""
    known = set(samples.ids)
    new = [row for row, name in enumerate(other.ids) if name in may and name not in known]
    if not new:
        return samples
    columns_of(other.labels, samples.labels, path)
    truth = in_order(other.truth, other.labels, samples.labels)[new]
    groups = None if samples.groups is None else placed(samples.groups, np.arange(len(known) + len(new)))
    ids = (*samples.ids, *(other.ids[row] for row in new))
    return Samples(ids, np.concatenate([samples.truth, truth]), samples.labels, groups)


def placed(groups: Integers, rows: Integers | None) -> Integers:
    """(N,) group of each row of a table; samples that are not in it, each one of its own."""
    if rows is None:
        return groups
    there = (rows >= 0) & (rows < len(groups))
    own = groups.max(initial=-1) + 1 + np.arange(len(rows))
    return np.where(there, groups[np.where(there, rows, 0)], own).astype(np.int64)
