"""Scores of samples beside what is true of them, checked once: what every measure of ranking reads."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.predictions import UNKNOWN

Integers = NDArray[np.int64]
Floats = NDArray[np.floating]
_AT_ONCE = 16
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Class:
    """One class against all others; the n samples of which it is known whether they belong to it."""

    scores: Floats
    """(n,) in the order of the samples."""
    own: NDArray[np.bool_]
    """(n,) whether the sample is of the class."""
    rows: Integers | None
    """(n,) places among all samples; None = they are all there."""


@dataclass(frozen=True)
class Labelled:
    """N samples with a score for each of C classes.

    Raises:
        InputError: The shapes do not fit, a score is not a finite number, or a truth is none.
    """

    truth: NDArray[np.generic]
    """(N,) class indices of samples of one class each; or (N, C) of any number of classes each: 1 or True where the
    sample is of the class, 0 where it is not, UNKNOWN where that is not known."""
    scores: Floats
    """(N, C) logits or probabilities, higher = surer, comparable down each column; across them too where a measure
    ranks the classes of a sample or pools them."""

    def __post_init__(self) -> None:
        if self.scores.ndim != 2 or self.truth.shape not in (self.scores.shape[:1], self.scores.shape):
            what = f"truth of shape {self.truth.shape} beside scores of shape {self.scores.shape}"
            raise InputError(what, expected="scores (N, C), truth (N,) or (N, C)")
        if not all(np.isfinite(part).all() for part in self.parts_of(self.scores)):
            row, column = np.argwhere(~np.isfinite(self.scores))[0].tolist()
            raise InputError(f"a score is {self.scores[row, column]}", where=f"sample {row}, class {column}")
        self._check_truth()

    def _check_truth(self) -> None:
        most = 1 if self.several else self.classes - 1
        least = UNKNOWN if self.several else 0
        if self.truth.dtype.kind not in "biu":
            raise InputError(f"truth of type {self.truth.dtype}", expected="whole numbers or bool")
        if len(self) and (self.truth.min() < least or self.truth.max() > most):
            found = self.truth.min() if self.truth.min() < least else self.truth.max()
            raise InputError(f"a truth is {found}", expected=f"{least} to {most}")

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def classes(self) -> int:
        """C."""
        return self.scores.shape[1]

    @property
    def several(self) -> bool:
        """Whether a sample may be of several classes."""
        return self.truth.ndim == 2

    @property
    def support(self) -> Integers:
        """(C,) samples of each class."""
        if self.several:
            return (self.truth == 1).sum(axis=0)
        return np.bincount(self.truth.astype(np.int64), minlength=self.classes)

    def own_scores(self) -> Floats:
        """(M,) scores that samples have for the classes they are of, in no order."""
        if self.several:
            return self.scores[self.truth == 1]
        return np.take_along_axis(self.scores, self.truth.astype(np.int64)[:, np.newaxis], axis=1)[:, 0]

    def known_scores(self) -> Floats:
        """(M,) scores of all pairs of a sample and a class of which it is known whether they belong together."""
        unknown = self.several and self.truth.dtype.kind != "b" and bool((self.truth == UNKNOWN).any())
        return self.scores[self.truth != UNKNOWN] if unknown else self.scores.ravel()

    def each_class(self) -> Iterator[Class]:
        """The classes in order, one at a time: a table of a million rows is never copied as a whole."""
        for first in range(0, self.classes, _AT_ONCE):
            block = np.ascontiguousarray(self.scores[:, first : first + _AT_ONCE].T)
            for index, column in enumerate(block, start=first):
                yield self._class(index, column)

    def _class(self, index: int, column: Floats) -> Class:
        if not self.several:
            return Class(column, self.truth == index, None)
        truth = self.truth[:, index]
        if truth.dtype.kind == "b" or not (truth == UNKNOWN).any():
            return Class(column, truth == 1, None)
        rows = np.flatnonzero(truth != UNKNOWN)
        return Class(column[rows], truth[rows] == 1, rows)

    def parts_of(self, cells: Floats) -> Iterator[Floats]:
        """(N, C) in pieces of some rows, of a size that fits in the processor's cache."""
        rows = max(1, _CELLS_AT_ONCE // max(1, self.classes))
        return (cells[first : first + rows] for first in range(0, len(cells), rows))
