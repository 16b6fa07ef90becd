"""Scores that tell rare classes from frequent ones. Everyone measures a long tail in these, so they can be compared.

Shapes: N samples, C classes; a leading `...` is any number of batch dimensions, as in `classification`.

Many, medium and few are those of Liu et al., Large-Scale Long-Tailed Recognition in an Open World, CVPR 2019. They
report the accuracy of each on a test set with as many samples of every class, where it is the mean of the classes'
recalls. That mean is taken here: on a test set that is itself long-tailed it keeps its meaning, while the share of
right answers would follow the group's largest class.
"""

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.classification import Counts, balanced_accuracy, f1, recall

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MANY_ABOVE, FEW_BELOW = 100, 20
"""Training images: more than 100 are many, fewer than 20 are few, all between, both included, are medium."""
SHOTS = ("many", "medium", "few")
TAIL_FRACTION = 0.25
LONG_TAIL = ("macro_f1_all", "weighted_f1", *SHOTS, "tail", "worst_class")
"""What `long_tail_scores` gives."""


def shot_groups(train_counts: Integers) -> dict[str, NDArray[np.bool_]]:
    """SHOTS -> (C,) whether the class belongs there, by its training images; every class belongs to one."""
    many, few = train_counts > MANY_ABOVE, train_counts < FEW_BELOW
    return dict(zip(SHOTS, (many, ~many & ~few, few), strict=True))


def shot_of(images: int) -> str:
    """Which of SHOTS a class of so many training images belongs to."""
    return next(name for name, inside in shot_groups(np.array([images])).items() if inside[0])


def tail_classes(train_counts: Integers, fraction: float = TAIL_FRACTION) -> Integers:
    """Indices of the rarest classes, ascending: floor(fraction * C) of them, at least one.

    Of classes with as many training images the one of lower index is the rarer, so the tail is always the same one.

    Args:
        train_counts: (C,) training images of each class.
        fraction: Share of the classes, above 0 to 1.
    """
    classes = len(train_counts)
    size = max(1, int(np.floor(fraction * classes + 1e-9)))  # 0.29 * 100 is 28.999...
    return np.sort(np.argsort(train_counts, kind="stable")[:size])


def long_tail_scores(c: Counts, train_counts: Integers) -> dict[str, float | None]:
    """The scores of one set of samples, by name; each 0 to 1.

    - macro_f1_all: mean F1 over all classes, one without a sample counting 0 (scikit-learn's with every label).
    - weighted_f1: mean F1, each class counting as many times as it has samples.
    - many, medium, few: mean recall over the group's measured classes; None = it has none.
    - tail: share of the tail's samples that are named rightly; None = it has none.
    - worst_class: least recall of a measured class; None = there is no sample.

    Args:
        c: Counts (C,) of the samples that were measured.
        train_counts: (C,) training images of each class.
    """
    tail = _only(c, np.isin(np.arange(len(train_counts)), tail_classes(train_counts)))
    measured = c.support > 0
    return {
        "macro_f1_all": float(macro_f1_all(c)),
        "weighted_f1": float(weighted_f1(c)),
        **{name: _mean_recall(_only(c, inside)) for name, inside in shot_groups(train_counts).items()},
        "tail": float(tail.hits.sum() / tail.support.sum()) if tail.support.any() else None,
        "worst_class": float(recall(c)[measured].min()) if measured.any() else None,
    }


def macro_f1_all(c: Counts) -> Floats:
    """(...) mean F1 over all classes, measured or not; a class without a sample scores 0."""
    return f1(c).mean(-1)


def weighted_f1(c: Counts) -> Floats:
    """(...) mean F1 over the samples' own classes; 0 without a sample."""
    return (f1(c) * c.support).sum(-1) / np.maximum(1, c.support.sum(-1))


def worst_class(c: Counts) -> int:
    """Index of the measured class of least recall; of equal ones that with the most samples, which is the surest."""
    return int(np.lexsort((-c.support, np.where(c.support > 0, recall(c), np.inf)))[0])


def _only(c: Counts, inside: NDArray[np.bool_]) -> Counts:
    """The counts of some classes."""
    return Counts(c.hits[inside], c.support[inside], c.named[inside])


def _mean_recall(c: Counts) -> float | None:
    return float(balanced_accuracy(c)) if c.support.any() else None
