"""The truth of N samples over C classes, in either of its two forms.

Classes that exclude each other have (N,) class indices; where a sample may be of several classes, or of none, it is
(N, C): 1 or True where the sample is of the class, 0 or False where not, UNKNOWN where that is not known.
"""

import numpy as np
from numpy.typing import NDArray

from sfumato.predictions import UNKNOWN

Truth = NDArray[np.int64] | NDArray[np.bool_] | NDArray[np.int8]
Labels = NDArray[np.bool_] | NDArray[np.int8]
"""The second form alone, (N, C)."""


def members(truth: Truth, classes: int) -> NDArray[np.bool_]:
    """(N, C) whether each sample is known to be of each class."""
    return np.asarray(truth == 1 if truth.ndim == 2 else truth[:, None] == np.arange(classes), dtype=np.bool_)


def answered(truth: Truth, classes: int) -> NDArray[np.bool_]:
    """(N, C) whether it is known of each sample if it is of each class; of classes that exclude each other it is."""
    known = truth != UNKNOWN if truth.ndim == 2 else np.ones((len(truth), classes), dtype=np.bool_)
    return np.asarray(known, dtype=np.bool_)


def complete(truth: NDArray[np.generic]) -> NDArray[np.bool_]:
    """(N,) whether all that is true of a sample is known, to (N, C) of samples that may be of several classes."""
    return np.asarray((truth != UNKNOWN).all(axis=1), dtype=np.bool_)
