"""How far a picture's features lie from the nearest class, in units of how far pictures of a class spread.

Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks, NeurIPS 2018,
eq. 2: one mean a class and one covariance for all; of features of length 1, as in Mueller and Hein, Mahalanobis++, ICML
2025, without which features as short as those of noise pass for known. The covariance is shrunk as Ledoit and Wolf do
(A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices, 2004), so it can be inverted with fewer samples
than features. The mean of n samples errs by 1 / n of the covariance, so another sample of the class lies 1 + 1 / n
times as far from it (squared) as from the true one: that is taken off, else all of a rare class would be strange.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.doubt.arrays import checked
from sfumato.decision.doubt.direction import unit
from sfumato.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mahalanobis:
    """Familiarity is the negative squared distance to the nearest class mean; 0 = on it."""

    whitening: NDArray[np.float32]
    """(D, D); features times it have the identity as covariance within a class."""
    means: NDArray[np.float32]
    """(M, D) means of the classes that had a sample, whitened."""
    counts: NDArray[np.float32]
    """(M,) samples of each, at least 1."""

    @property
    def width(self) -> int:
        """Features of a picture, D."""
        return self.whitening.shape[0]

    def familiarity(self, features: NDArray[np.floating]) -> Floats:
        """(N,) of (N, D) features, at most 0."""
        x, means = unit(features).astype(np.float64) @ self.whitening, self.means.astype(np.float64)
        squared = (x * x).sum(axis=1)[:, None] - 2 * x @ means.T + (means * means).sum(axis=1)
        return -np.maximum((squared / (1 + 1 / self.counts)).min(axis=1), 0)

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Name -> array, which `from_arrays` reads back."""
        return {"whitening": self.whitening, "means": self.means, "counts": self.counts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]], where: str) -> "Mahalanobis":
        """Read what `to_arrays` made; `where` names it in errors."""
        found = checked(arrays, {"whitening": 2, "means": 2, "counts": 1}, "class means", where)
        classes, width = found["means"].shape
        fit = found["whitening"].shape == (width, width) and found["counts"].shape == (classes,)
        if not fit or not found["means"].size or found["counts"].min() < 1:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in found.items())
            raise InputError(f"not class means: {shapes}", where=where, expected="(D, D), (M, D) and M counts")
        return cls(**found)


def fit_mahalanobis(features: NDArray[np.floating], truth: NDArray[np.int64]) -> Mahalanobis:
    """Means and covariance of (N, D) training features, N at least 2, with (N,) class indices.

    Raises:
        InputError: Fewer, or a feature is not finite.
    """
    from sklearn.covariance import LedoitWolf

    x = unit(features).astype(np.float64)
    if len(features) < 2:
        raise InputError(f"features of {len(features)} samples", expected="2 or more")
    _, place, count = np.unique(truth, return_inverse=True, return_counts=True)
    order = np.argsort(place, kind="stable")
    starts = np.append(0, count.cumsum()[:-1])
    means = np.add.reduceat(x[order], starts, axis=0) / count[:, None]
    covariance = cast(Floats, cast(Any, LedoitWolf)(assume_centered=True).fit(x - means[place]).covariance_)
    spread, axes = np.linalg.eigh(covariance)
    floor = max(float(spread[-1]) * 1e-10, 1e-30)  # features that never vary
    whitening = axes / np.sqrt(np.maximum(spread, floor))
    return Mahalanobis(whitening.astype(np.float32), (means @ whitening).astype(np.float32), count.astype(np.float32))
