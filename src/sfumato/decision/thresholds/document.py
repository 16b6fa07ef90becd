"""thresholds.json: the table of thresholds a class, with the temperatures, that people and other programs read."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sfumato.decision.calibration import Temperature
from sfumato.decision.calibrators.calibrator import AnyCalibrator
from sfumato.decision.calibrators.class_temperature import ClassTemperature
from sfumato.decision.thresholds.thresholds import Thresholds


def thresholds_document(
    thresholds: Thresholds, names: Sequence[str], calibrator: AnyCalibrator | None = None
) -> dict[str, Any]:
    """What thresholds.json holds: the rule, the shared threshold, how it was fitted, and a row a class by its name.

    Args:
        thresholds: Of C classes.
        names: The C class names or ids, in their order.
        calibrator: What made the probabilities that the thresholds are for; None = they are the model's own. The
            temperature of a class stands in its row; of a kind without temperatures it is null.
    """
    rows = zip(names, thresholds.classes, _temperatures(calibrator, len(names)), strict=True)
    return {
        "rule": thresholds.rule.model_dump(),
        "shared": thresholds.shared,
        "shrinkage": thresholds.shrinkage,
        "samples": thresholds.samples,
        "calibration": None if calibrator is None else {"kind": calibrator.kind, "fitted": calibrator.fitted},
        "classes": {name: {**asdict(row), "temperature": temperature} for name, row, temperature in rows},
    }


def _temperatures(calibrator: AnyCalibrator | None, classes: int) -> list[float | None]:
    if isinstance(calibrator, Temperature):
        return [calibrator.value] * classes
    if isinstance(calibrator, ClassTemperature):
        return list(calibrator.values)
    return [1.0 if calibrator is None else None] * classes
