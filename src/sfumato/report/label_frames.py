"""What the report shows of samples that may be of any number of classes, as plain data."""

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.calibrators.one_vs_rest import sigmoid
from sfumato.metrics.calibration import expected_calibration_error, reliability
from sfumato.metrics.multilabel_results import MultilabelResults
from sfumato.predictions import UNKNOWN
from sfumato.report.evidence import LabelsMeasured
from sfumato.report.frames import MISTAKES, Headline, Mistake, Reference, ReliabilityFrame

_MEANINGS = {
    "map": ("mAP", "mean over the classes of average precision; 1 = all its images rank before all others"),
    "macro_f1": ("Macro F1", "mean over the classes of F1; rare ones count as much as frequent ones"),
    "micro_f1": ("Micro F1", "F1 of all pairs of an image and a class together; frequent classes count most"),
    "accuracy": ("Exact match", "share of the images whose classes are named all, and no other"),
    "classwise_ece": ("Calibration error", "mean distance between a class's probability and how often it is there"),
    "set_miss": ("Missed by the sets", "mean share of an image's classes that its set lacks"),
}


def label_headlines(results: MultilabelResults) -> tuple[Headline, ...]:
    """The scores in the order a person asks for them."""
    shares = [row.support / (row.known or results.samples) for row in results.classes if row.support]
    chance = Reference(float(np.mean(shares)) if shares else 0.0, "by ranking at random")
    return tuple(
        Headline(*_MEANINGS[name], results.scores[name], chance if name == "map" else None)
        for name in _MEANINGS
        if name in results.scores
    )


def label_reliabilities(measured: LabelsMeasured) -> tuple[ReliabilityFrame, ...]:
    """Of all pairs of an image and a class, before and after calibration; as it is where nothing was calibrated."""
    calibrator, truth = measured.policy.calibrator, measured.predictions.truth
    before = sigmoid(measured.predictions.logits.astype(np.float64))
    if not calibrator.fitted:
        return (_pairs("Not calibrated", before, truth),)
    after = f"After, {calibrator.kind.replace('_', ' ')}"
    return _pairs("Before calibration", before, truth), _pairs(after, measured.verdicts.probabilities, truth)


def _pairs(title: str, probabilities: NDArray[np.float64], truth: NDArray[np.int8]) -> ReliabilityFrame:
    known = truth != UNKNOWN
    p, so = probabilities[known], truth[known] == 1
    return ReliabilityFrame(title, reliability(p, so), expected_calibration_error(p, so))


def worst_labels(measured: LabelsMeasured) -> tuple[Mistake, ...]:
    """The images with the wrong labels it was surest of, surest first: each with its worst label."""
    said, there, names = measured.verdicts, measured.predictions.there, measured.predictions.labels.names
    sure = np.where(there, 1 - said.probabilities, said.probabilities) * wrong_labels(measured)
    worst, height = sure.argmax(axis=1), sure.max(axis=1, initial=0)
    rows = [int(row) for row in np.argsort(-height, kind="stable")[:MISTAKES] if height[row] > 0]
    return tuple(
        Mistake(
            measured.predictions.ids[row],
            _joined(names, there[row]),
            _joined(names, said.named[row]),
            float(said.probabilities[row, worst[row]]),
            abstained=False,
            about=f"{names[worst[row]]} {'missed' if there[row, worst[row]] else 'wrong'}, ",
            asked=int(worst[row]),
        )
        for row in rows
    )


def wrong_labels(measured: LabelsMeasured) -> NDArray[np.bool_]:
    """(N, C) whether a class is named that a sample is not of, or not named that it is of; of those that are known."""
    truth = measured.predictions.truth
    return (measured.verdicts.named != (truth == 1)) & (truth != UNKNOWN)


def _joined(names: tuple[str, ...], inside: NDArray[np.bool_]) -> str:
    return " + ".join(names[place] for place in np.flatnonzero(inside)) or "none"
