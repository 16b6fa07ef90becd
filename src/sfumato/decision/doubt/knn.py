"""How near a picture's features are to those of training pictures, without any assumption about their shape.

Sun et al., Out-of-Distribution Detection with Deep Nearest Neighbors, ICML 2022: features of length 1, and the distance
to the k-th nearest of them. k is 1 here. They take 1,000 of the 1.3 million of ImageNet and 50 of 50,000, as many of
every class; on a long tail a k above a class's number of pictures would make strangers of all of that class.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.doubt.arrays import checked
from sfumato.decision.doubt.direction import unit
from sfumato.errors import InputError

Floats = NDArray[np.float64]

_AT_ONCE = 20_000_000


@dataclass(frozen=True, eq=False)
class Knn:
    """Familiarity is the negative distance to the nearest training feature, -2 to 0."""

    bank: NDArray[np.float32]
    """(B, D) training features, each of length 1."""

    @property
    def width(self) -> int:
        """Features of a picture, D."""
        return self.bank.shape[1]

    def familiarity(self, features: NDArray[np.floating]) -> Floats:
        """(N,) of (N, D) features, some at a time."""
        chunk = max(1, _AT_ONCE // len(self.bank))
        parts = [self._of(features[first : first + chunk]) for first in range(0, len(features), chunk)]
        return np.concatenate([np.zeros(0), *parts])

    def _of(self, features: NDArray[np.floating]) -> Floats:
        """The nearest by its cosine, and the distance from that itself: of near ones a cosine has too few digits."""
        x = unit(features)
        nearest = self.bank[(x @ self.bank.T).argmax(axis=1)]
        return -np.linalg.norm(x.astype(np.float64) - nearest, axis=1)

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Name -> array, which `from_arrays` reads back."""
        return {"bank": self.bank}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]], where: str) -> "Knn":
        """Read what `to_arrays` made; `where` names it in errors."""
        found = checked(arrays, {"bank": 2}, "a bank of features", where)
        if not found["bank"].size:
            raise InputError("not a bank of features: it is empty", where=where)
        return cls(**found)


def fit_knn(features: NDArray[np.floating]) -> Knn:
    """All of (N, D) training features, N at least 1, as the bank.

    Raises:
        InputError: None, or a feature is not finite.
    """
    if not len(features):
        raise InputError("features of no sample", expected="1 or more")
    return Knn(unit(features))
