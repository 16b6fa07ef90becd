"""The truth of N samples over C classes, in either of its two forms.

Classes that exclude each other have (N,) class indices; where a sample may be of several classes, or of none, it is
(N, C) booleans.
"""

import numpy as np
from numpy.typing import NDArray

Truth = NDArray[np.int64] | NDArray[np.bool_]


def members(truth: Truth, classes: int) -> NDArray[np.bool_]:
    """(N, C) whether each sample is of each class."""
    return truth.astype(bool) if truth.ndim == 2 else truth[:, None] == np.arange(classes)
