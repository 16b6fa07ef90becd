"""How near a picture's features are to those of training pictures, without any assumption about their shape.

Sun et al., Out-of-Distribution Detection with Deep Nearest Neighbors, ICML 2022: features of length 1, and the distance
to the k-th nearest of them. They keep as little as 1 % of ImageNet's training features; the bank here is small too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.doubt.arrays import checked
from sfumato.errors import InputError

Floats = NDArray[np.float64]

NEIGHBOURS = 50
"""Which neighbour's distance counts; in a bank of fewer than 1000, a twentieth of it."""
_AT_ONCE = 20_000_000
_LEAST_LENGTH = 1e-12


@dataclass(frozen=True, eq=False)
class Knn:
    """Familiarity is the negative distance to the k-th nearest training feature, -2 to 0."""

    bank: NDArray[np.float32]
    """(B, D) training features, each of length 1."""

    @property
    def width(self) -> int:
        """Features of a picture, D."""
        return self.bank.shape[1]

    @property
    def neighbours(self) -> int:
        """Which neighbour counts, k."""
        return max(1, min(NEIGHBOURS, len(self.bank) // 20))

    def familiarity(self, features: NDArray[np.floating]) -> Floats:
        """(N,) of (N, D) features, some at a time."""
        chunk = max(1, _AT_ONCE // len(self.bank))
        parts = [self._of(features[first : first + chunk]) for first in range(0, len(features), chunk)]
        return np.concatenate([np.zeros(0), *parts])

    def _of(self, features: NDArray[np.floating]) -> Floats:
        alike = unit(features) @ self.bank.T
        at = len(self.bank) - self.neighbours
        kth = np.partition(alike, at, axis=1)[:, at].astype(np.float64)
        return -np.sqrt(np.maximum(2 - 2 * kth, 0))

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
    """All of (N, D) training features, N at least 1, as the bank."""
    return Knn(unit(features))


def unit(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """(N, D) features divided by their length; a row of zeros stays one."""
    x = features.astype(np.float32)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), _LEAST_LENGTH)
