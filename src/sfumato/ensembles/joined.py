"""Tables of several members about the same samples, joined by id without holding more than one of them in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.fusion.fusion import Floats, chances, said_by
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy
from sfumato.ensembles.member import Member
from sfumato.ensembles.told import Answers
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.metrics.membership import Truth
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions, read_any_rows
from sfumato.predictions import UNKNOWN, Predictions, logit_blocks, read_classes

ROWS_AT_ONCE = 20_000
"""Rows whose probabilities are computed together, in double precision."""
SAME = "give all the same data and data.split (seed, shares), or cross-validate them on the same folds"
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
        """Indices of the samples of which all is known."""
        there = self.truth != UNKNOWN
        return np.flatnonzero(there.all(axis=1) if self.several else there)

    def so(self, rows: Integers | slice) -> Truth:
        """What is true of (n,) samples of which all is known."""
        return self.truth[rows] == 1 if self.several else self.truth[rows].astype(np.int64)

    def table(self, logits: Floats) -> AnyPredictions:
        """A predictions table that says these (N, C) logits of the samples."""
        if self.several:
            return MultilabelPredictions(self.ids, self.truth.astype(np.int8), logits, self.labels, self.groups)
        return Predictions(self.ids, self.truth.astype(np.int64), logits, self.labels, self.groups)


@dataclass(frozen=True)
class Said:
    """What one member says of the samples, read when it is asked for."""

    path: Path
    policy: AnyPolicy
    rows: Integers | None
    """(N,) row of the table for each sample; None = they stand in the same order."""
    columns: Integers | None
    """(C,) column of the table for each class; None = they stand in the same order."""

    def of(self, samples: Integers) -> Iterator[tuple[Integers, Floats]]:
        """Chunks of (n,) sample indices with their (n, C) log-probabilities or log-odds, classes in common order.

        They come in the order of the table, which is read a block at a time; `samples` are sorted.
        """
        rows = samples if self.rows is None else self.rows[samples]
        order, first = np.argsort(rows, kind="stable"), 0
        for block in logit_blocks(self.path):
            mine = order[slice(*np.searchsorted(rows, [first, first + len(block)], sorter=order))]
            for start in range(0, len(mine), ROWS_AT_ONCE):
                chunk = mine[start : start + ROWS_AT_ONCE]
                said = said_by(self.policy, block[rows[chunk] - first])
                yield samples[chunk], said if self.columns is None else said[:, self.columns]
            first += len(block)

    def answers(self, said: Floats) -> Answers:
        """What the member answers that says these (n, C), by its own thresholds, in common order."""
        if isinstance(self.policy, MultilabelPolicy):
            limits = self.policy.thresholds.values
            return chances(said, exclusive=False) >= (limits if self.columns is None else limits[self.columns])
        if self.policy.thresholds is None:
            return said.argmax(axis=1)
        places = np.arange(len(said.T))  # of its own classes in common order
        if self.columns is not None:
            places = np.argsort(self.columns)
        return places[self.policy.choose(np.exp(said[:, places].astype(np.float64)))]


@dataclass(frozen=True)
class Joined:
    """The same samples as each of M members sees them."""

    samples: Samples
    said: tuple[Said, ...]


def join(members: Sequence[Member], paths: Sequence[Path]) -> Joined:
    """Join a table of each member by sample id; the classes are in the order of the first member's.

    Raises:
        InputError: As `join_tables`, or a table is not of the classes of its bundle.
    """
    for member, path in zip(members, paths, strict=True):
        if read_classes(path).names != member.bundle.labels.names:
            raise InputError("a table of other classes than the bundle beside it", where=str(path))
    return join_tables(paths, [member.policy for member in members])


def join_tables(paths: Sequence[Path], policies: Sequence[AnyPolicy]) -> Joined:
    """Join tables by sample id; each has the policy that decides on its logits.

    Raises:
        InputError: Two tables hold other samples, other truth or other classes; with the first of them.
    """
    samples = _samples(paths[0])
    said = [Said(paths[0], policies[0], None, None)]
    for path, policy in zip(paths[1:], policies[1:], strict=True):
        other, whole = _samples(path), samples.labels
        columns = _columns(other.labels, whole, path)
        rows = _rows(samples.ids, other.ids, paths[0], path)
        truth = _in_order(other.truth, other.labels, whole)
        _refuse_other_truth(samples, truth if rows is None else truth[rows], paths[0], path)
        if samples.groups is None and other.groups is not None:
            samples = replace(samples, groups=other.groups if rows is None else other.groups[rows])
        said.append(Said(path, policy, rows, columns))
    return Joined(samples, tuple(said))


def _samples(path: Path) -> Samples:
    table = read_any_rows(path)
    return Samples(table.ids, table.truth, table.labels, table.groups)


def _columns(labels: LabelSpace, whole: LabelSpace, path: Path) -> Integers | None:
    if labels.names == whole.names:
        return None
    return np.array(labels.places_of(whole, str(path)), dtype=np.int64)


def _in_order(truth: Labels, labels: LabelSpace, whole: LabelSpace) -> Labels:
    """What is true over one space as over another of the same classes."""
    if labels.names == whole.names:
        return truth
    if truth.ndim == 2:
        return truth[:, np.array(labels.places_of(whole, ""))]
    places = np.array([*whole.places_of(labels, ""), UNKNOWN], dtype=np.int64)
    return places[truth]  # UNKNOWN is -1, the last


def _rows(ids: tuple[str, ...], others: tuple[str, ...], first: Path, path: Path) -> Integers | None:
    """(N,) row among the others of each id; None = they are the same."""
    if ids == others:
        return None
    places = {name: place for place, name in enumerate(others)}
    missing = next((name for name in ids if name not in places), None)
    if missing is not None:
        raise InputError(
            f"no sample {missing!r}, which {first} has", where=str(path), expected="the same samples", mend=SAME
        )
    if len(others) > len(ids):
        there = set(ids)
        extra = next(name for name in others if name not in there)
        raise InputError(
            f"sample {extra!r}, which {first} lacks", where=str(path), expected="the same samples", mend=SAME
        )
    return np.array([places[name] for name in ids], dtype=np.int64)


def _refuse_other_truth(samples: Samples, truth: Labels, first: Path, path: Path) -> None:
    if truth.ndim != samples.truth.ndim:
        kinds = ("several classes a sample", "one class a sample")
        what, expected = kinds if truth.ndim == 2 else kinds[::-1]
        raise InputError(what, where=str(path), expected=f"{expected}, as in {first}")
    other = samples.truth != truth
    differ = np.flatnonzero(other if truth.ndim == 1 else other.any(axis=1))
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
