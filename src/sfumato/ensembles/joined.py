"""Tables of several members about the same samples, joined by id without holding more than one of them in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.fusion.fusion import Floats, log_probabilities
from sfumato.decision.policy import Policy
from sfumato.ensembles.member import Member
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.predictions import UNKNOWN, Predictions, logit_blocks, read_classes, read_rows

ROWS_AT_ONCE = 20_000
"""Rows whose probabilities are computed together, in double precision."""
SAME = "give all the same data and data.split (seed, shares), or cross-validate them on the same folds"
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Samples:
    """What all members' tables agree on, of N samples in the order of the first table."""

    ids: tuple[str, ...]
    truth: Integers
    """(N,) class indices; UNKNOWN where the class is not known."""
    labels: LabelSpace
    groups: Integers | None
    """(N,) of the first table that has groups; None = none has."""

    def known(self) -> Integers:
        """Indices of the samples whose class is known."""
        return np.flatnonzero(self.truth != UNKNOWN)

    def table(self, logits: Floats) -> Predictions:
        """A predictions table that says these (N, C) logits of the samples."""
        return Predictions(self.ids, self.truth, logits, self.labels, self.groups)


@dataclass(frozen=True)
class Said:
    """What one member says of the samples, read when it is asked for."""

    path: Path
    policy: Policy
    rows: Integers | None
    """(N,) row of the table for each sample; None = they stand in the same order."""
    columns: Integers | None
    """(C,) column of the table for each class; None = they stand in the same order."""

    def log_p(self, samples: Integers) -> Iterator[tuple[Integers, Floats]]:
        """Chunks of (n,) sample indices with their (n, C) calibrated log-probabilities, classes in common order.

        They come in the order of the table, which is read a block at a time; `samples` are sorted.
        """
        rows = samples if self.rows is None else self.rows[samples]
        order, first = np.argsort(rows, kind="stable"), 0
        for block in logit_blocks(self.path):
            mine = order[slice(*np.searchsorted(rows, [first, first + len(block)], sorter=order))]
            for start in range(0, len(mine), ROWS_AT_ONCE):
                chunk = mine[start : start + ROWS_AT_ONCE]
                log_p = log_probabilities(block[rows[chunk] - first], self.policy)
                yield samples[chunk], log_p if self.columns is None else log_p[:, self.columns]
            first += len(block)

    def answers(self, log_p: Floats) -> Integers:
        """(n,) class indices, in common order, that the member answers (n, C) of its log-probabilities with."""
        if self.policy.thresholds is None:
            return log_p.argmax(axis=1)
        places = np.arange(len(log_p.T))  # of its own classes in common order
        if self.columns is not None:
            places = np.argsort(self.columns)
        return places[self.policy.choose(np.exp(log_p[:, places].astype(np.float64)))]


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


def join_tables(paths: Sequence[Path], policies: Sequence[Policy]) -> Joined:
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
    table = read_rows(path)
    return Samples(table.ids, table.truth, table.labels, table.groups)


def _columns(labels: LabelSpace, whole: LabelSpace, path: Path) -> Integers | None:
    if labels.names == whole.names:
        return None
    return np.array(labels.places_of(whole, str(path)), dtype=np.int64)


def _in_order(truth: Integers, labels: LabelSpace, whole: LabelSpace) -> Integers:
    """Class indices of one space as those of another of the same classes."""
    if labels.names == whole.names:
        return truth
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


def _refuse_other_truth(samples: Samples, truth: Integers, first: Path, path: Path) -> None:
    differ = np.flatnonzero(samples.truth != truth)
    if len(differ):
        at = int(differ[0])
        names = [*samples.labels.names, "unknown"]  # UNKNOWN is -1, the last
        raise InputError(
            f"sample {samples.ids[at]!r} is {names[truth[at]]!r}, in {first} it is {names[samples.truth[at]]!r}",
            where=str(path),
            expected="the same truth",
            mend="train all on the same labels",
        )
