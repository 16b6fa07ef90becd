"""What is known of each class: where a sample may be of several, of some of them it may not be known.

Shapes: N samples, C classes.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.membership import Truth, answered, members

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
Fitted = TypeVar("Fitted")


def by_class(
    scores: Floats, truth: Truth, fit: Callable[[Floats, Booleans], Fitted], *, unknown: Fitted
) -> list[Fitted]:
    """What is fitted to each class: to scores of the n samples of which it is known whether they are of it.

    Args:
        scores: (N, C).
        truth: As in `metrics.membership`.
        fit: Of (n,) scores and (n,) whether the samples are of the class; n at least 1.
        unknown: What stands for a class of which nothing is known.
    """
    there, known = (of(truth, scores.shape[1]) for of in (members, answered))
    columns = zip(np.ascontiguousarray(scores.T), there.T, known.T, strict=True)
    return [fit(column[sure], own[sure]) if sure.any() else unknown for column, own, sure in columns]


def support(truth: Truth, classes: int, least: int) -> Integers:
    """(C,) samples of each class, 0 of a class of which fewer than `least` samples have a known answer.

    What such a class says of itself counts nothing: it has what all classes share.
    """
    counts = members(truth, classes).sum(axis=0)
    return np.where(answered(truth, classes).sum(axis=0) < least, 0, counts)


def too_few(truth: Truth, classes: int, least: int) -> bool:
    """Whether no class has `least` samples with a known answer, so that nothing is fitted."""
    return int(answered(truth, classes).sum(axis=0).max(initial=0)) < least
