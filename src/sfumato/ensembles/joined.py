"""Tables of several members about the same samples, joined by id without holding more than one of them in memory."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from sfumato.decision.fusion.fusion import Floats, chances, said_by
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy
from sfumato.ensembles.lacking import frequencies, left_out
from sfumato.ensembles.member import Member
from sfumato.ensembles.samples import (
    ABSENT,
    Integers,
    Samples,
    columns_of,
    extended,
    in_order,
    placed,
    refuse_other_truth,
    rows_of,
    samples_of,
)
from sfumato.ensembles.told import Answers
from sfumato.errors import InputError
from sfumato.predictions import logit_blocks, read_classes

ROWS_AT_ONCE = 20_000
"""Rows whose probabilities are computed together, in double precision."""


@dataclass(frozen=True)
class Said:
    """What one member says of the samples, read when it is asked for."""

    path: Path
    policy: AnyPolicy
    rows: Integers | None
    """(N,) row of the table for each sample, or ABSENT; None = they stand in the same order."""
    columns: Integers | None
    """(C,) column of the table for each class; None = they stand in the same order."""
    absent: Floats | None = None
    """(C,) what it says of samples that it left out, whose row is ABSENT; None = there are none."""

    def of(self, samples: Integers) -> Iterator[tuple[Integers, Floats]]:
        """Chunks of (n,) sample indices with their (n, C) log-probabilities or log-odds, classes in common order.

        They come in the order of the table, which is read a block at a time; `samples` are sorted.
        """
        rows = samples if self.rows is None else self.rows[samples]
        yield from self._of_absent(samples[rows == ABSENT])
        order, first = np.argsort(rows, kind="stable"), 0
        for block in logit_blocks(self.path):
            mine = order[slice(*np.searchsorted(rows, [first, first + len(block)], sorter=order))]
            for start in range(0, len(mine), ROWS_AT_ONCE):
                chunk = mine[start : start + ROWS_AT_ONCE]
                said = said_by(self.policy, block[rows[chunk] - first])
                yield samples[chunk], said if self.columns is None else said[:, self.columns]
            first += len(block)

    def _of_absent(self, samples: Integers) -> Iterator[tuple[Integers, Floats]]:
        for start in range(0, len(samples), ROWS_AT_ONCE):
            chunk = samples[start : start + ROWS_AT_ONCE]
            yield chunk, np.tile(cast(Floats, self.absent), (len(chunk), 1))

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

    @property
    def frequencies(self) -> Floats:
        """(C,) what is said of a sample by a member that left it out."""
        return frequencies(self.samples.so(self.samples.known()), len(self.samples.labels))


def join(members: Sequence[Member], paths: Sequence[Path]) -> Joined:
    """Join a table of each member by sample id; the classes are in the order of the first member's.

    Raises:
        InputError: As `join_tables`, or a table is not of the classes of its bundle.
    """
    for member, path in zip(members, paths, strict=True):
        if read_classes(path).names != member.bundle.labels.names:
            raise InputError("a table of other classes than the bundle beside it", where=str(path))
    return join_tables(paths, [member.policy for member in members], [left_out(one.folder) for one in members])


def join_tables(
    paths: Sequence[Path], policies: Sequence[AnyPolicy], lacking: Sequence[Collection[str]] | None = None
) -> Joined:
    """Join tables by sample id.

    Args:
        paths: Of the tables.
        policies: Each decides on the logits of its table.
        lacking: Ids that each of them may lack while others have them; None = none may.

    Raises:
        InputError: Two tables hold other samples, other truth or other classes; with the first of them.
    """
    may = lacking or [frozenset[str]()] * len(paths)
    samples = samples_of(paths[0])
    for path in paths[1:] if any(may) else ():
        samples = extended(samples, samples_of(path), path, {name for names in may for name in names})
    said: list[Said] = []
    for path, policy, own in zip(paths, policies, may, strict=True):
        other, whole = samples_of(path), samples.labels
        columns = columns_of(other.labels, whole, path)
        rows = rows_of(samples.ids, other.ids, paths[0], path, own)
        truth = in_order(other.truth, other.labels, whole)
        refuse_other_truth(samples, truth if rows is None else truth[rows], rows, paths[0], path)
        if samples.groups is None and other.groups is not None:
            samples = replace(samples, groups=placed(other.groups, rows))
        said.append(Said(path, policy, rows, columns))
    return _with_absent(Joined(samples, tuple(said)))


def _with_absent(joined: Joined) -> Joined:
    """The same, members that left samples out saying of them how frequent classes are."""
    absent = joined.frequencies
    said = [
        one if one.rows is None or (one.rows != ABSENT).all() else replace(one, absent=absent) for one in joined.said
    ]
    return replace(joined, said=tuple(said))
