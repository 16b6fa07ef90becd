"""The direction of features, in which pictures of one kind agree; how long they are says little, and differs wildly."""

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.finite import refuse_not_finite

_LEAST_LENGTH = 1e-12


def unit(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """(N, D) features divided by their length; a row of zeros stays one.

    Raises:
        InputError: A feature is not finite.
    """
    refuse_not_finite(features=features)
    x = features.astype(np.float32)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), _LEAST_LENGTH)
