"""Sets of classes: how large they are, and how often they hold the right one, of each class too. Plain data."""

from dataclasses import dataclass

import numpy as np

from sfumato.decision.conformal.band import coverage_band
from sfumato.decision.conformal.sets import ConformalSets, Scope
from sfumato.metrics.intervals import Interval
from sfumato.metrics.results import ClassRow
from sfumato.report.evidence import Measured

SIZES = 12
"""Sets of so many classes and more share a bar."""
CLASSES = 20
"""Of more classes those whose sets hold them least often are listed."""
_BEGINS = (0.8, 0.5, 0.0)


@dataclass(frozen=True)
class SetSize:
    """Sets of one size; shares of all images, 0 to 1."""

    size: int
    share: float
    held: float
    """That are of this size and hold the right class."""


@dataclass(frozen=True)
class ClassSets:
    """The sets of one class's images."""

    name: str
    trained: int | None
    support: int
    coverage: float
    """Share of them that hold the class, 0 to 1."""
    low: float
    """Where the class has its own promise, the coverage that this leaves to chance begins here; else its interval."""
    high: float
    size: float
    """Mean number of classes in them."""
    scope: Scope
    """Which images gave the threshold, and so what the promise is for."""


@dataclass(frozen=True)
class SetsFrame:
    """The sets of a measurement."""

    sizes: tuple[SetSize, ...]
    """From the smallest to the largest there is; of size SIZES and above one."""
    classes: tuple[ClassSets, ...]
    """Fewest training images last; of more than CLASSES those least often held, least first."""
    all_classes: bool
    promised: float
    """Least share that holds the right class, 0 to 1."""
    coverage: Interval
    size: Interval

    @property
    def by_class(self) -> bool:
        """Whether the promise is for each class, as far as it has the images."""
        return any(row.scope == "class" for row in self.classes)

    @property
    def begin(self) -> float:
        """Where the scale of the classes begins: as near to 1 as all of them leave room for."""
        least = min((min(row.low, row.coverage) for row in self.classes), default=0.0)
        return next(begin for begin in _BEGINS if begin <= min(least, self.promised))

    def place(self, share: float) -> str:
        """Where a share lies on that scale, in percent of its length."""
        return f"{100 * (share - self.begin) / (1 - self.begin):.1f}"

    @property
    def shared(self) -> tuple[str, ...]:
        """Classes that the promise for all images together has to do for."""
        return tuple(row.name for row in self.classes if row.scope == "all")

    @property
    def empty(self) -> float:
        """Share of the images of which every class is ruled out, 0 to 1."""
        return next((one.share for one in self.sizes if one.size == 0), 0.0)


def sets_frame(measured: Measured) -> SetsFrame | None:
    """The sets of a measurement; None where the policy names none."""
    sets, scores = measured.policy.sets, measured.results.scores
    if sets is None or "set_coverage" not in scores:
        return None
    rows = sorted(_classes(measured), key=lambda row: (-(row.trained or 0), -row.support))
    whole = len(rows) <= CLASSES
    if not whole:
        rows = sorted(rows, key=lambda row: row.coverage)[:CLASSES]
    return SetsFrame(_sizes(measured), tuple(rows), whole, sets.promised, scores["set_coverage"], scores["set_size"])


def _sizes(measured: Measured) -> tuple[SetSize, ...]:
    sets, truth = measured.verdicts.sets, measured.predictions.truth
    assert sets is not None
    size, held = np.minimum(sets.sum(axis=1), SIZES), sets[np.arange(len(truth)), truth]
    return tuple(
        SetSize(number, float((size == number).mean()), float((held & (size == number)).mean()))
        for number in range(int(size.min()), int(size.max()) + 1)
    )


def _classes(measured: Measured) -> list[ClassSets]:
    sets = measured.policy.sets
    assert sets is not None
    rows = [_class_sets(row, sets, index) for index, row in enumerate(measured.results.classes)]
    return [row for row in rows if row is not None]


def _class_sets(row: ClassRow, sets: ConformalSets, index: int) -> ClassSets | None:
    """None where there is no image of the class."""
    found, size, scope = row.set_coverage, row.set_size, sets.scopes[index]
    if found is None or size is None:
        return None
    reach = found.low, found.high
    if scope == "class":
        reach = coverage_band(sets.counts[index], row.support, sets.alpha)
    return ClassSets(row.name, row.trained, row.support, found.value, *reach, size.value, scope)
