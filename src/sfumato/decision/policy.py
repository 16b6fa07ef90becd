"""The policy: the one path from logits to decisions, for prediction, service and export alike."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.abstention import AbstainSpec, Abstention, fit_abstention
from sfumato.decision.calibration import UNFITTED, Temperature, fit_temperature
from sfumato.decision.logit_adjustment import LogitAdjustment, LogitAdjustmentSpec, fit_adjustment
from sfumato.errors import InputError
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.spec import Spec
from sfumato.stored import read_stored, stored


class DecisionSpec(Spec):
    """How logits become decisions; everything here is fitted on validation samples after training."""

    calibration: Literal["temperature", "none"] = "temperature"
    """`temperature` makes probabilities honest (one number, fitted on validation); `none` leaves softmax as it is."""
    abstain: AbstainSpec | None = None
    """When to rather not answer; none = always answer."""
    logit_adjustment: LogitAdjustmentSpec | None = None
    """Whether rare classes are answered more readily than training made them; none = as it was trained. It corrects the
    frequency of the classes once; a sampler, weights or loss that did so in training leave nothing to correct."""


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
    """Adjust for class frequency, calibrate, then abstain. Stored as JSON in the bundle."""

    temperature: Temperature = UNFITTED
    abstention: Abstention | None = None
    adjustment: LogitAdjustment | None = None

    def adjusted(self, logits: NDArray[np.floating]) -> NDArray[np.floating]:
        """(N, C) logits after the adjustment, before calibration."""
        return logits if self.adjustment is None else self.adjustment.adjusted(logits)

    def apply(self, logits: NDArray[np.floating]) -> Verdicts:
        """Decide on (N, C) logits."""
        probabilities = self.temperature.probabilities(self.adjusted(logits))
        confidence = probabilities.max(axis=1)
        threshold = self.abstention.threshold if self.abstention else 0.0
        return Verdicts(probabilities.argmax(axis=1), probabilities, confidence, confidence < threshold)

    def check_classes(self, classes: int, where: str) -> None:
        """Refuse a policy that was made for another number of classes; `where` names it in the error."""
        if self.adjustment is not None and len(self.adjustment.priors) != classes:
            found = f"{len(self.adjustment.priors)} priors"
            raise InputError(f"not a policy: {found}", where=where, expected=f"{classes}, one a class")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, which `from_dict` reads back; without an adjustment as before there was one."""
        document = asdict(self)
        return document if self.adjustment else {name: document[name] for name in ("temperature", "abstention")}

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "Policy":
        """Read a policy.json; `where` names it in errors."""
        return read_stored(cls, {"adjustment": None, **document}, "a policy", where)


def fit_policy(predictions: Predictions | None, spec: DecisionSpec, train_counts: NDArray[np.int64]) -> Policy:
    """Fit adjustment, calibration and abstention, each on what the one before makes of the samples.

    Args:
        predictions: Of validation samples, those of unknown class are left out; None = there are none, so nothing is
            fitted.
        spec: What the recipe asks for.
        train_counts: (C,) training images of each class.
    """
    logits, truth = _known(predictions, len(train_counts))
    asked = spec.logit_adjustment
    adjustment = None if asked is None else fit_adjustment(logits, truth, train_counts, asked)
    adjusted = Policy(adjustment=adjustment).adjusted(logits)
    temperature = fit_temperature(adjusted, truth) if spec.calibration == "temperature" else UNFITTED
    policy = Policy(temperature, None, adjustment)
    if spec.abstain is None or predictions is None:
        return policy
    verdicts = policy.apply(logits)
    abstention = fit_abstention(verdicts.confidence, verdicts.predicted == truth, spec.abstain.max_error)
    return replace(policy, abstention=abstention)


def _known(predictions: Predictions | None, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(N, C) logits and (N,) class indices of the samples whose class is known."""
    if predictions is None:
        return np.zeros((0, classes), dtype=np.float32), np.zeros(0, dtype=np.int64)
    known = predictions.truth != UNKNOWN
    return predictions.logits[known], predictions.truth[known]
