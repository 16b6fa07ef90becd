"""A few training pictures of each class, drawn by chance: what light rungs are made for."""

import numpy as np
from numpy.typing import NDArray

from sfumato.data.randomness import generator
from sfumato.errors import InputError
from sfumato.metrics.membership import Truth, members

Integers = NDArray[np.int64]


def drawn_shots(truth: Truth, classes: int, shots: int | None, seed: int) -> Integers:
    """(n,) places, in order, of pictures with at least `shots` of each class, or all that there are of it.

    A picture is taken if one of its classes lacks some, so where a picture is of one class it is exactly so many. One
    that is known to be of no class is never taken.

    Args:
        truth: As in `metrics.membership`; N pictures.
        classes: C.
        shots: None = all pictures.
        seed: Of the draw, which does not depend on how many are drawn.

    Raises:
        InputError: No picture is known to be of any class, so that none could be drawn.
    """
    if shots is None:
        return np.arange(len(truth))
    there, taken = members(truth, classes), np.zeros(classes, dtype=np.int64)
    found: list[int] = []
    for row in generator(seed, "shots").permutation(len(there)).tolist():
        if (there[row] & (taken < shots)).any():
            taken += there[row]
            found.append(row)
    if not found:
        raise InputError("no training picture is of any class", where="--shots", mend="leave it out, to fit on all")
    return np.sort(np.array(found, dtype=np.int64))
