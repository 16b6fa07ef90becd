"""Pictures that a network can make nothing of: they must not stop, nor change, what is said of the others."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def where_finite(said: Floats, make: Callable[[Floats], Floats]) -> Floats:
    """(N, C) of (M, N, C): what `make` makes of the pictures whose every score is finite, and NaN for the others.

    Deciding refuses such numbers as a whole; `Predictor` tells of each picture by itself.
    """
    fine = np.isfinite(said).all(axis=(0, 2))
    if fine.all():
        return make(said)
    found = np.full(said.shape[1:], np.nan, dtype=np.float32)
    found[fine] = make(said[:, fine])
    return found
