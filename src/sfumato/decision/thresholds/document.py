"""thresholds.json: the table of thresholds a class, with the temperatures, that people and other programs read."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sfumato.decision.calibration import Temperature
from sfumato.decision.calibrators.calibrator import AnyCalibrator
from sfumato.decision.calibrators.class_temperature import ClassTemperature
from sfumato.decision.thresholds.answering import AnswerThresholds
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
    return _document(thresholds, names, _temperatures(calibrator, len(names)), calibrator)


def answers_document(
    found: AnswerThresholds, names: Sequence[str], calibrator: AnyCalibrator | None = None
) -> dict[str, Any]:
    """The same where a sample has one class, and `below`: what is answered below a threshold; null = nothing is.

    Args:
        found: Of C classes.
        names: The C class names or ids, in their order.
        calibrator: As for `thresholds_document`.
    """
    all_temperatures = _temperatures(calibrator, found.classes)
    below = None if found.positive is None else names[1 - found.positive]
    own = [names[place] for place in found.places]
    temperatures = [all_temperatures[place] for place in found.places]
    return {"below": below, **_document(found.fitted, own, temperatures, calibrator)}


def _document(
    thresholds: Thresholds,
    names: Sequence[str],
    temperatures: Sequence[float | None],
    calibrator: AnyCalibrator | None,
) -> dict[str, Any]:
    rows = zip(names, thresholds.classes, temperatures, strict=True)
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
