"""The policy: the one path from logits to decisions, for prediction, service and export alike."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.abstention import LATER, Abstention
from sfumato.decision.calibration import UNFITTED, Temperature
from sfumato.decision.calibrators.calibrator import Stored, calibrator_to_dict
from sfumato.decision.conformal.sets import ConformalSets
from sfumato.decision.costs import CostMatrix
from sfumato.decision.doubt.familiar import Familiar
from sfumato.decision.doubt.reference import Measure
from sfumato.decision.doubt.sureness import By, Familiarity, measured, sureness
from sfumato.decision.logit_adjustment import LogitAdjustment
from sfumato.decision.narrowing import Narrowing, masked
from sfumato.decision.prior_shift import PriorShift
from sfumato.decision.thresholds.answering import AnswerThresholds
from sfumato.errors import InputError
from sfumato.metrics.finite import refuse_not_finite
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Verdicts:
    """What the policy says of N samples."""

    predicted: NDArray[np.int64]
    """(N,) class indices."""
    probabilities: Floats
    """(N, C), each row summing to 1."""
    confidence: Floats
    """(N,) probability of the predicted class."""
    abstained: NDArray[np.bool_]
    """(N,) True where the answer is not sure enough to be given."""
    sets: NDArray[np.bool_] | None = None
    """(N, C) whether each class is in the sample's set; None = the policy names no sets."""


@stored
@dataclass(frozen=True)
class _Usual:
    """What stands in most bundles where others have a calibrator and its pooling."""

    temperature: Temperature


@stored
@dataclass(frozen=True)
class Policy:
    """Adjust for class frequency, calibrate, move to other frequencies, choose, abstain. Stored as JSON in bundles."""

    calibrator: Stored = UNFITTED
    """What makes probabilities honest."""
    abstention: Abstention | None = None
    adjustment: LogitAdjustment | None = None
    pooling: Temperature | None = None
    """At which networks or views are averaged before they are calibrated; None = at the calibrator, a temperature."""
    shift: PriorShift | None = None
    """To the frequencies of the classes where the bundle is used."""
    costs: CostMatrix | None = None
    """The answer is the one of least expected cost; None = the likeliest class."""
    sets: ConformalSets | None = None
    familiar: Familiar | None = None
    """Which pictures are too strange to be answered; None = none is."""
    thresholds: AnswerThresholds | None = None
    """From which probability on a class is the answer, of two, or the likeliest class is answered, of more; None = it
    always is."""
    narrowing: Narrowing | None = None
    """Which classes may be answered where elements were found in a picture; None = all, whatever was found."""

    @property
    def measure(self) -> Measure | None:
        """How the familiarity of pictures is measured, which `apply` reads; None = it reads none."""
        if self.familiar is not None:
            return self.familiar.by
        by = None if self.abstention is None else self.abstention.by
        return by if by in ("mahalanobis", "knn") else None

    @property
    def pool_at(self) -> Temperature:
        """The temperature at which networks or views are averaged."""
        return self.calibrator if isinstance(self.calibrator, Temperature) else self.pooling or UNFITTED

    def adjusted(self, logits: NDArray[np.floating]) -> NDArray[np.floating]:
        """(N, C) logits after the adjustment, before calibration."""
        refuse_not_finite(logits=logits)
        return logits if self.adjustment is None else self.adjustment.adjusted(logits)

    def calibrated(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities at the frequencies of validation, each row summing to 1, of (N, C) logits."""
        return self.calibrator.probabilities(self.adjusted(logits))

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        """(N, C) probabilities that are decided on, each row summing to 1, of (N, C) logits."""
        found = self.calibrated(logits)
        return found if self.shift is None else self.shift.corrected(found)

    def choose(self, probabilities: Floats) -> NDArray[np.int64]:
        """(N,) the answer to each of (N, C) probabilities; of equal ones the class of lower index."""
        refuse_not_finite(probabilities=probabilities)
        if self.thresholds is not None:
            return self.thresholds.choose(probabilities)
        return probabilities.argmax(axis=1) if self.costs is None else self.costs.decide(probabilities)

    def apply(
        self, logits: NDArray[np.floating], familiarity: Familiarity = None, kept: NDArray[np.bool_] | None = None
    ) -> Verdicts:
        """Decide on (N, C) logits and, where a `measure` is named, (N,) familiarity by it.

        Args:
            logits: Of N samples.
            familiarity: (N,); None = it was not measured.
            kept: (N, C) which classes may be answered, as `narrowing` says; None = all.

        Raises:
            InputError: Familiarity is needed, and not there.
        """
        if familiarity is not None:
            refuse_not_finite(familiarity=familiarity)
        probabilities = self.probabilities(logits)
        if kept is not None:
            probabilities = masked(probabilities, kept)
        predicted = self.choose(probabilities)
        confidence = probabilities[np.arange(len(predicted)), predicted]
        abstained = np.zeros(len(predicted), dtype=np.bool_)
        if self.abstention is not None:
            sure = sureness(self.abstention.by, logits, probabilities, confidence, familiarity)
            abstained = self.abstention.withheld(sure)
        if self.familiar is not None:
            abstained = abstained | ~self.familiar.accepts(measured(familiarity))
        if self.thresholds is not None:
            abstained |= self.thresholds.withheld(probabilities, predicted)
        return Verdicts(
            predicted, probabilities, confidence, abstained, self.sets.sets(probabilities) if self.sets else None
        )

    @property
    def by(self) -> By:
        """What tells how sure a verdict is: what abstention goes by; else its confidence."""
        return self.abstention.by if self.abstention else "confidence"

    def sureness(self, logits: NDArray[np.floating], verdicts: Verdicts, familiarity: Familiarity = None) -> Floats:
        """(N,) how sure each verdict is, `by` that; logits and familiarity are those it was made of."""
        return sureness(self.by, logits, verdicts.probabilities, verdicts.confidence, familiarity)

    def check_classes(self, classes: int, where: str) -> None:
        """Refuse a policy that was made for another number of classes; `where` names it in the error."""
        for what, found in self._sizes().items():
            if found not in (None, classes):
                raise InputError(f"not a policy: {found} {what}", where=where, expected=f"{classes}, one a class")

    def _sizes(self) -> dict[str, int | None]:
        calibrator = None if isinstance(self.calibrator, Temperature) else len(self.calibrator.counts)
        return {
            "priors": len(self.adjustment.priors) if self.adjustment else None,
            "calibrated classes": calibrator,
            "frequencies": len(self.shift.new) if self.shift else None,
            "rows of costs": len(self.costs.costs) if self.costs else None,
            "thresholds of sets": len(self.sets.thresholds) if self.sets else None,
            "classes of thresholds": self.thresholds.classes if self.thresholds else None,
            "narrowed classes": len(self.narrowing.shows) if self.narrowing else None,
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, which `from_dict` reads back; a temperature, and what is not there, as they ever were."""
        document: dict[str, Any] = {"temperature": calibrator_to_dict(self.calibrator)}
        if not isinstance(self.calibrator, Temperature):
            document = {"calibrator": document["temperature"], "pooling": asdict(self.pool_at)}
        document["abstention"] = self.abstention.to_dict() if self.abstention else None
        if self.adjustment is not None:
            document["adjustment"] = asdict(self.adjustment)
        parts = {"shift": self.shift, "costs": self.costs, "sets": self.sets}
        parts |= {"familiar": self.familiar, "thresholds": self.thresholds, "narrowing": self.narrowing}
        return document | {name: part.to_dict() for name, part in parts.items() if part is not None}

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "Policy":
        """Read a policy.json; `where` names it in errors."""
        known: dict[str, Any] = {
            "adjustment": None,
            "pooling": None,
            "shift": None,
            "costs": None,
            "sets": None,
            "familiar": None,
            "thresholds": None,
            "narrowing": None,
            **document,
        }
        if "calibrator" not in known:
            usual = {"temperature": known.pop("temperature")} if "temperature" in known else {}
            known["calibrator"] = asdict(read_stored(_Usual, usual, "a policy", where).temperature)
        if isinstance(known.get("abstention"), dict):
            known["abstention"] = {**LATER, **known["abstention"]}
        return read_stored(cls, known, "a policy", where)
