"""The boundary: numbers that are none are refused where they come in, and never carried into a figure or an answer."""

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError

_AXES = {1: ("sample",), 2: ("sample", "class"), 3: ("look", "sample", "class")}
"""What an array's axes count, by their number; a look is a member's or a view's."""


def refuse_not_finite(**arrays: NDArray[np.floating]) -> None:
    """Refuse NaN and infinities in arrays (N,), (N, C) or (V, N, C), each given by its name.

    Sums are looked at first: they are finite if all that is summed is, but for numbers near the end of the range.

    Raises:
        InputError: A number is not finite; with its array and place.
    """
    for name, values in arrays.items():
        with np.errstate(all="ignore"):
            fine = np.isfinite(values.sum(dtype=np.float64)) or np.isfinite(values).all()
        if not fine:
            place = np.argwhere(~np.isfinite(values))[0].tolist()
            axes = _AXES.get(values.ndim, ("axis",) * values.ndim)
            where = ", ".join(f"{axis} {index}" for axis, index in zip(axes, place, strict=True))
            raise InputError(f"{name} of {values[tuple(place)]}", where=where, expected="finite numbers")
