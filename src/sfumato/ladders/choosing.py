"""Which setting of a rung, chosen on validation pictures and tried on those that did not choose it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.dealing import deal
from sfumato.ladders.judge import Judge, Logits

FOLDS = 5


@dataclass(frozen=True)
class Choice:
    """What came of it."""

    place: int
    """Of the setting that all validation pictures choose."""
    honest: NDArray[np.float64]
    """(N, C) logits, each picture's by the setting that the other folds choose."""


def choose(tried: Sequence[Logits], judge: Judge) -> Choice:
    """The setting of the highest score; of equals the first, which is the mildest.

    Args:
        tried: (N, C) logits of the same pictures under each setting; at least one.
        judge: Of those pictures.
    """
    honest = np.array(tried[0], dtype=np.float64)
    everyone = np.ones(len(honest), dtype=np.bool_)
    if len(tried) == 1:
        return Choice(0, honest)
    fold = deal(judge.table.truth, judge.table.groups, FOLDS)
    for held in (fold == number for number in np.unique(fold)):
        honest[held] = tried[_best(tried, judge, ~held)][held]
    return Choice(_best(tried, judge, everyone), honest)


def _best(tried: Sequence[Logits], judge: Judge, rows: NDArray[np.bool_]) -> int:
    return int(np.argmax([judge.score(logits, rows) for logits in tried]))
