"""Which of two classes is answered from a threshold on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.errors import InputError, nearest_name

SETTING = "decision.thresholds.positive"


@dataclass(frozen=True)
class Positive:
    """The positive class."""

    place: int
    """Its index, 0 or 1."""
    reason: str | None
    """Why it was chosen; None = the recipe names it."""


def positive_class(
    spec: ThresholdSpec | None, names: Sequence[str], train_counts: NDArray[np.int64]
) -> Positive | None:
    """The positive one of two classes; None where there are more, or no thresholds.

    Args:
        spec: What the recipe asks for.
        names: Of the C classes.
        train_counts: (C,) training images of each: the rarer is positive where the recipe names none.

    Raises:
        InputError: It names no class, or there are more than two.
    """
    if spec is None or (spec.positive is None and len(names) != 2):
        return None
    if spec.positive is None:
        return _rarer(train_counts)
    if len(names) != 2:
        what = f"names one of {len(names)} classes, of which each has a threshold of its own"
        raise InputError(what, setting=SETTING, mend="leave it out")
    if spec.positive not in names:
        near = nearest_name(spec.positive, names)
        raise InputError(f"no class {spec.positive!r}", setting=SETTING, expected=" or ".join(names), nearest=near)
    return Positive(list(names).index(spec.positive), None)


def _rarer(train_counts: NDArray[np.int64]) -> Positive:
    first, second = train_counts.tolist()
    if first == second:
        return Positive(1, f"the second of two classes with {first} training images each")
    return Positive(int(second < first), f"the rarer in training, {min(first, second)} of {first + second} images")
