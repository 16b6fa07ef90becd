"""What sets of labels hold: whether the truth is among them as often as was promised, and how many there are."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.intervals import Interval, sample_interval, share_interval
from sfumato.stored import read_stored, stored

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@stored
@dataclass(frozen=True)
class SetScores:
    """Sets of N samples, beside what was promised of them."""

    samples: int
    promised: float
    """Least share of sets that were to hold their sample's class."""
    coverage: Interval
    """Share that does."""
    size: Interval
    """Mean number of labels in a set."""
    empty: float
    """Share of sets without a label: no known class looks right."""
    single: float
    """Share of sets of one label, an answer without doubt."""
    by_class: tuple[Interval | None, ...]
    """C shares of a class's samples whose set holds it; None = it has no sample."""

    @property
    def kept(self) -> bool:
        """Whether the promise lies in or below the range of what was measured."""
        return self.coverage.high >= self.promised

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "SetScores":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        return read_stored(cls, document, "scores of sets", where)


def measure_sets(sets: Booleans, truth: Integers, promised: float, groups: Integers | None = None) -> SetScores:
    """Measure sets on samples that had no part in fitting them.

    Args:
        sets: (N, C) whether each label is in the sample's set.
        truth: (N,) class indices.
        promised: Share, 0 to 1.
        groups: (N,) number of the group each sample belongs to; None = each is on its own.
    """
    held, sizes = sets[np.arange(len(truth)), truth], sets.sum(axis=1)
    mean_size = sample_interval(lambda rows: float(sizes[rows].mean()) if len(rows) else 0.0, len(sizes), groups)
    return SetScores(
        len(truth),
        promised,
        share_interval(held, groups),
        mean_size,
        float((sizes == 0).mean()) if len(sizes) else 0.0,
        float((sizes == 1).mean()) if len(sizes) else 0.0,
        tuple(_of_class(held, truth == index, groups) for index in range(sets.shape[1])),
    )


def _of_class(held: Booleans, there: Booleans, groups: Integers | None) -> Interval | None:
    return share_interval(held[there], None if groups is None else groups[there]) if there.any() else None
