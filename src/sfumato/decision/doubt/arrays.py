"""What is fitted on features holds arrays, too large for JSON; they are stored by name, as a safetensors file does."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError


def checked(
    arrays: Mapping[str, NDArray[np.float32]], shapes: Mapping[str, int], what: str, where: str
) -> dict[str, NDArray[np.float32]]:
    """The arrays, of just these names, float32, of so many dimensions and finite.

    Args:
        arrays: As read.
        shapes: Name -> number of dimensions.
        what: Says in errors what they should be.
        where: Names the file in errors.

    Raises:
        InputError: They are not.
    """
    if arrays.keys() != shapes.keys():
        raise InputError(f"not {what}: arrays {', '.join(arrays)}", where=where, expected=", ".join(shapes))
    for name, array in arrays.items():
        if array.dtype != np.float32 or array.ndim != shapes[name] or not np.isfinite(array).all():
            said = f"{name} of shape {array.shape}, {array.dtype}"
            raise InputError(f"not {what}: {said}", where=where, expected="finite numbers, float32")
    return dict(arrays)
