"""The policy of samples that may be of any number of classes: calibrate each label, then name those above a threshold.

Shapes: N samples, C classes.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Tag

from sfumato.decision.calibration import UNFITTED, Temperature
from sfumato.decision.calibrators.beta import Beta
from sfumato.decision.calibrators.class_temperature import ClassTemperature
from sfumato.decision.calibrators.isotonic import Isotonic
from sfumato.decision.calibrators.one_vs_rest import check_lengths
from sfumato.decision.calibrators.platt import Platt
from sfumato.decision.conformal.risk_control import MissControl
from sfumato.decision.thresholds.thresholds import Thresholds
from sfumato.errors import InputError
from sfumato.spec import kind_or
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
LabelCalibrator = ClassTemperature | Platt | Isotonic | Beta
Stored = Annotated[
    Annotated[ClassTemperature, Tag("class_temperature")]
    | Annotated[Platt, Tag("platt")]
    | Annotated[Isotonic, Tag("isotonic")]
    | Annotated[Beta, Tag("beta")],
    kind_or("class_temperature"),
]


@dataclass(frozen=True)
class MultilabelVerdicts:
    """What the policy says of N samples."""

    named: NDArray[np.bool_]
    """(N, C) whether each class is named."""
    probabilities: Floats
    """(N, C), each on its own."""
    sets: NDArray[np.bool_] | None = None
    """(N, C) the classes that hold all but a promised share of the true ones; None = nothing is promised."""


@stored
@dataclass(frozen=True)
class MultilabelPolicy:
    """Calibrate, then name what reaches its class's threshold. Stored as JSON in bundles."""

    calibrator: Stored
    """What makes probabilities honest."""
    thresholds: Thresholds
    misses: MissControl | None = None
    """What names all but a promised share of the true classes."""
    pooling: Temperature | None = None
    """At which networks or views are averaged before they are calibrated, the same for all classes; None = 1."""

    def __post_init__(self) -> None:
        check_lengths(counts=self.calibrator.counts, thresholds=self.thresholds.classes)

    @property
    def pool_at(self) -> Temperature:
        """The temperature at which networks or views are averaged."""
        return self.pooling or UNFITTED

    def calibrated(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities of (N, C) logits."""
        return self.calibrator.probabilities(logits)

    def apply(self, logits: NDArray[np.floating]) -> MultilabelVerdicts:
        """Decide on (N, C) logits."""
        found = self.calibrated(logits)
        sets = None if self.misses is None else self.misses.named(found)
        return MultilabelVerdicts(self.thresholds.named(found), found, sets)

    def check_classes(self, classes: int, where: str) -> None:
        """Refuse a policy that was made for another number of classes; `where` names it in the error."""
        found = len(self.thresholds.classes)
        if found != classes:
            raise InputError(f"not a policy: {found} thresholds", where=where, expected=f"{classes}, one a class")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, which `from_dict` reads back."""
        misses = None if self.misses is None else self.misses.to_dict()
        pooling = {} if self.pooling is None else {"pooling": asdict(self.pooling)}
        parts = {"calibrator": asdict(self.calibrator), "thresholds": self.thresholds.to_dict(), "misses": misses}
        return parts | pooling

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "MultilabelPolicy":
        """Read a policy.json; `where` names it in errors."""
        return read_stored(cls, {"pooling": None, **document}, "a policy", where)


def mean_logits(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float32]:
    """(N, C) logits which, divided by a temperature, are those of the mean of what (M, N, C) so divided give a class.

    Of equal ones each is what it was, whatever the temperature.
    """
    z = logits.astype(np.float64) / temperature
    there = np.logaddexp.reduce(-np.logaddexp(0, -z), axis=0)
    absent = np.logaddexp.reduce(-np.logaddexp(0, z), axis=0)
    return (temperature * (there - absent)).astype(np.float32)
