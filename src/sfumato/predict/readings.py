"""What networks read off pictures before anything is decided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Readings:
    """Of N pictures, over the C logits of all tasks."""

    logits: NDArray[np.float32]
    """(N, C) scores before the policy."""
    familiarity: NDArray[np.float32] | None = None
    """(N, T) how familiar each is, a column a task; None = no policy asks for it."""

    def familiarity_of(self, places: int | list[int]) -> NDArray[np.float32] | None:
        """(N,) of the task at a place, or (N, T) of those at several; None as above."""
        return None if self.familiarity is None else self.familiarity[:, places]

    def each(self) -> Iterator["Readings"]:
        """Those of one picture after the other."""
        for row in range(len(self.logits)):
            one = slice(row, row + 1)
            yield Readings(self.logits[one], None if self.familiarity is None else self.familiarity[one])

    @property
    def finite(self) -> bool:
        """Whether all of it are numbers."""
        whole = self.familiarity is None or np.isfinite(self.familiarity).all()
        return bool(whole and np.isfinite(self.logits).all())


def together(parts: Sequence[Readings]) -> Readings:
    """Those of several, of which there must be one, one after the other."""
    found = [part.familiarity for part in parts if part.familiarity is not None]
    return Readings(np.concatenate([part.logits for part in parts]), np.concatenate(found) if found else None)
