"""Where samples of a cascade end, and the first stage that went wrong with each that does not end right.

Shapes: N samples.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.intervals import Interval, share_interval
from sfumato.stored import stored

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

ENDS = {
    "stopped": "rightly stopped",
    "right": "rightly answered",
    "missed": "stopped, though it has a product",
    "false_alarm": "let through, though it has none",
    "elements": "wrongly answered, its elements wrong before",
    "products": "wrongly answered, all before right",
    "withheld": "let through, its answer withheld",
}
"""Every sample has one of these ends -> in words."""
TO_BLAME = {
    "missed": "gate",
    "false_alarm": "gate",
    "elements": "elements",
    "products": "products",
    "withheld": "products",
}
"""End that is not right -> the first stage that went wrong."""


@stored
@dataclass(frozen=True)
class Ended:
    """How many samples end so, and their share of all."""

    count: int
    share: Interval

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)


def ends(
    wanted: Booleans, passed: Booleans, right: Booleans, withheld: Booleans, elements_wrong: Booleans | None
) -> dict[str, Booleans]:
    """End -> (N,) whether each sample ends so; each has exactly one.

    Args:
        wanted: Whether a sample has a product, and so should go on.
        passed: Whether it went on.
        right: Whether the last stage names its product.
        withheld: Whether that answer is withheld.
        elements_wrong: Whether the elements that the last stage was told are not the true ones; None = it was told
            none, so they are to blame for nothing. False where the truth is not known.
    """
    told_wrong = np.zeros_like(passed) if elements_wrong is None else elements_wrong
    answered = passed & wanted & ~withheld
    return {
        "stopped": ~wanted & ~passed,
        "right": answered & right,
        "missed": wanted & ~passed,
        "false_alarm": ~wanted & passed,
        "elements": answered & ~right & told_wrong,
        "products": answered & ~right & ~told_wrong,
        "withheld": passed & wanted & withheld,
    }


def counted(found: dict[str, Booleans], groups: Integers | None) -> dict[str, Ended]:
    """End -> its samples, with the interval of their share."""
    return {name: Ended(int(rows.sum()), share_interval(rows, groups)) for name, rows in found.items()}
