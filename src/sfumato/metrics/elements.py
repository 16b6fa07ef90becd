"""How samples of classes that share elements are told apart; shapes: N samples, C classes, E elements."""

from collections import Counter
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.labels import LabelSpace
from sfumato.metrics.intervals import Interval, share_interval
from sfumato.stored import stored

Integers = NDArray[np.int64]
SHOWN = 50
"""Pairs of classes that are kept, the most confused ones."""


@stored
@dataclass(frozen=True)
class ElementRow:
    """The samples whose class shows an element."""

    name: str
    classes: int
    """That show it."""
    support: int
    """Samples of those classes that were measured."""
    accuracy: Interval | None
    """Share of them that is named rightly, 0 to 1; None = there is no sample."""
    within: int
    """Of them those that were named another class that shows the element."""
    outside: int
    """Of them those that were named a class that does not."""


@stored
@dataclass(frozen=True)
class ElementPair:
    """A class taken for one that shares elements with it."""

    truth: str
    predicted: str
    count: int
    share: float
    """Of the samples of the true class, 0 to 1."""
    elements: tuple[str, ...]
    """That both show."""


@stored
@dataclass(frozen=True)
class ElementResults:
    """Confusion among classes that share elements."""

    wrong: int
    """Samples that were named another class."""
    within: int
    """Of these the ones that were named a class which shares an element with the true one."""
    rows: tuple[ElementRow, ...]
    pairs: tuple[ElementPair, ...]
    """Most confused first."""


def shows(labels: LabelSpace) -> NDArray[np.bool_]:
    """(C, E) whether each class shows each of `labels.elements`."""
    rows = [[element in label.elements for element in labels.elements] for label in labels.labels]
    return np.array(rows, dtype=np.bool_).reshape(len(labels), len(labels.elements))


def akin(labels: LabelSpace) -> NDArray[np.bool_]:
    """(C, C) whether two classes share an element; no class is its own."""
    shown = shows(labels).astype(np.int64)
    return (shown @ shown.T > 0) & ~np.eye(len(labels), dtype=np.bool_)


def measure_elements(
    truth: Integers, predicted: Integers, labels: LabelSpace, groups: Integers | None = None
) -> ElementResults | None:
    """Measure N answers; None where the classes name no elements.

    Args:
        truth: (N,) class indices.
        predicted: (N,) class indices.
        labels: The C classes.
        groups: (N,) number of the group each sample belongs to; None = each is on its own.
    """
    if not labels.elements:
        return None
    shown, related = shows(labels), akin(labels)
    inside = related[truth, predicted]
    rows = tuple(_row(place, truth, predicted, labels, shown, groups) for place in range(len(labels.elements)))
    return ElementResults(
        int((truth != predicted).sum()), int(inside.sum()), rows, _pairs(truth, predicted, inside, labels)
    )


def _row(
    place: int,
    truth: Integers,
    predicted: Integers,
    labels: LabelSpace,
    shown: NDArray[np.bool_],
    groups: Integers | None,
) -> ElementRow:
    own = shown[truth, place]
    right, said = (truth == predicted)[own], shown[predicted, place][own]
    accuracy = share_interval(right, None if groups is None else groups[own]) if own.any() else None
    name, classes = labels.elements[place], int(shown[:, place].sum())
    return ElementRow(name, classes, int(own.sum()), accuracy, int((said & ~right).sum()), int((~said).sum()))


def _pairs(
    truth: Integers, predicted: Integers, inside: NDArray[np.bool_], labels: LabelSpace
) -> tuple[ElementPair, ...]:
    true, said = (cast(list[int], of[inside].tolist()) for of in (truth, predicted))
    counts = Counter(zip(true, said, strict=True))
    support = np.bincount(truth, minlength=len(labels))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    return tuple(
        ElementPair(
            labels.names[one], labels.names[other], count, count / int(support[one]), _shared(labels, one, other)
        )
        for (one, other), count in ordered
    )


def _shared(labels: LabelSpace, one: int, other: int) -> tuple[str, ...]:
    return tuple(element for element in labels.labels[one].elements if element in labels.labels[other].elements)
