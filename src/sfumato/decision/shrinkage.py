"""Shrinkage: what few samples say of a class counts little beside what all classes say together."""

import numpy as np
from numpy.typing import NDArray

SHRINKAGE = 10.0
"""Samples of a class at which its own value and the shared one count the same."""


def trust(counts: NDArray[np.int64], shrinkage: float = SHRINKAGE) -> NDArray[np.float64]:
    """(C,) weights n / (n + k) of the classes' own values, 0 to below 1; the shared value has the rest.

    The posterior mean of a normal mean has this form, k being the variance of a sample over that of the classes (Efron
    and Morris, Data Analysis Using Stein's Estimator, JASA 1975).

    Args:
        counts: (C,) samples of each class; none gives 0 whatever k is.
        shrinkage: k, at least 0; 0 = every class that has a sample stands on its own.
    """
    return np.divide(counts, counts + shrinkage, out=np.zeros(len(counts)), where=counts > 0)
