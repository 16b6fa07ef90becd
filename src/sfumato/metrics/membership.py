"""The truth of N samples over C classes, in either of its two forms.

Classes that exclude each other have (N,) class indices; where a sample may be of several classes, or of none, it is
(N, C): 1 or True where the sample is of the class, 0 or False where not, UNKNOWN where that is not known.
"""

import numpy as np
from numpy.typing import NDArray

Truth = NDArray[np.int64] | NDArray[np.bool_] | NDArray[np.int8]


def members(truth: Truth, classes: int) -> NDArray[np.bool_]:
    """(N, C) whether each sample is known to be of each class."""
    return np.asarray(truth == 1 if truth.ndim == 2 else truth[:, None] == np.arange(classes), dtype=np.bool_)
