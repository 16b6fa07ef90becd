"""The policy: the one path from logits to decisions, for prediction, service and export alike."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.abstention import AbstainSpec, Abstention, fit_abstention
from sfumato.decision.calibration import UNFITTED, Temperature, fit_temperature
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.spec import Spec
from sfumato.stored import read_stored, stored


class DecisionSpec(Spec):
    """How logits become decisions; everything here is fitted on validation samples after training."""

    calibration: Literal["temperature", "none"] = "temperature"
    """`temperature` makes probabilities honest (one number, fitted on validation); `none` leaves softmax as it is."""
    abstain: AbstainSpec | None = None
    """When to rather not answer; none = always answer."""


@dataclass(frozen=True)
class Verdicts:
    """What the policy says of N samples."""

    predicted: NDArray[np.int64]
    """(N,) class indices."""
    probabilities: NDArray[np.float64]
    """(N, C), each row summing to 1."""
    confidence: NDArray[np.float64]
    """(N,) probability of the predicted class."""
    abstained: NDArray[np.bool_]
    """(N,) True where the answer is not sure enough to be given."""


@stored
@dataclass(frozen=True)
class Policy:
    """Calibrate, then abstain. Stored as JSON in the bundle."""

    temperature: Temperature = UNFITTED
    abstention: Abstention | None = None

    def apply(self, logits: NDArray[np.floating]) -> Verdicts:
        """Decide on (N, C) logits."""
        probabilities = self.temperature.probabilities(logits)
        confidence = probabilities.max(axis=1)
        threshold = self.abstention.threshold if self.abstention else 0.0
        return Verdicts(probabilities.argmax(axis=1), probabilities, confidence, confidence < threshold)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, which `from_dict` reads back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "Policy":
        """Read a policy.json; `where` names it in errors."""
        return read_stored(cls, document, "a policy", where)


def fit_policy(predictions: Predictions, spec: DecisionSpec) -> Policy:
    """Fit calibration and abstention on validation predictions; samples of unknown class are left out."""
    known = predictions.truth != UNKNOWN
    logits, truth = predictions.logits[known], predictions.truth[known]
    temperature = fit_temperature(logits, truth) if spec.calibration == "temperature" else UNFITTED
    if spec.abstain is None:
        return Policy(temperature)
    verdicts = Policy(temperature).apply(logits)
    correct = verdicts.predicted == truth
    return Policy(temperature, fit_abstention(verdicts.confidence, correct, spec.abstain.max_error))
