"""Fitting the policy of samples that may be of several classes, on validation samples.

Calibration and thresholds of a class rest on the samples of which it is known whether they are of it, the promise on
those of which all is known: what share of its classes a picture lacks cannot be told of others.

A promise of other samples must not rest on those that fitted the calibration: each fold of them, groups whole, is
calibrated by the others, as in `policy_fit`.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.calibration import Temperature
from sfumato.decision.calibrators.calibrator import Kind, fit_calibrator
from sfumato.decision.calibrators.class_temperature import ClassTemperature, fit_class_temperature
from sfumato.decision.conformal.risk_control import MissControl, fit_miss_control
from sfumato.decision.dealing import deal
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.multilabel_policy import LabelCalibrator, MultilabelPolicy, mean_logits
from sfumato.decision.policy_fit import FOLDS
from sfumato.decision.thresholds.fit import fit_thresholds
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.metrics.finite import refuse_not_finite
from sfumato.metrics.membership import Labels, complete, members
from sfumato.multilabel_predictions import MultilabelPredictions

Floats = NDArray[np.float64]
Logits = NDArray[np.floating]


def fit_multilabel(tables: tuple[MultilabelPredictions, ...], spec: DecisionSpec, classes: int) -> MultilabelPolicy:
    """Fit all parts of a policy: calibration, thresholds of the calibrated probabilities, and the promise.

    Args:
        tables: What is said of the same validation samples in each view; of some of which not every class is known;
            none = there are no such samples, so nothing is fitted.
        spec: What the recipe asks for.
        classes: C.
    """
    known = [table.known() for table in tables]
    logits, truth, pooling = np.zeros((0, classes), dtype=np.float32), np.zeros((0, classes), dtype=np.int8), None
    if known:
        pooling = None if spec.calibration == "none" else _pooling(known)
        logits, truth = _pooled(known, pooling), known[0].truth
    calibrator = fit_label_calibrator(spec.calibration, logits, truth)
    asked = spec.thresholds or ThresholdSpec()
    thresholds = fit_thresholds(calibrator.probabilities(logits), truth, asked.rule, asked.shrinkage)
    misses = _promise(spec, known[0], logits) if spec.misses is not None and known else None
    return MultilabelPolicy(calibrator, thresholds, misses, pooling)


def fit_label_calibrator(kind: Kind | Literal["none"], logits: Logits, truth: Labels) -> LabelCalibrator:
    """The calibrator of a kind; `temperature` is one that all classes share, and `none` leaves the sigmoid as it is.

    Raises:
        InputError: A kind that needs classes which exclude each other; a logit is not finite.
    """
    refuse_not_finite(logits=logits)
    if kind == "none":
        counts = members(truth, logits.shape[1]).sum(axis=0)
        return ClassTemperature((1.0,) * logits.shape[1], tuple(counts.tolist()), exclusive=False)
    if kind == "temperature":
        return fit_class_temperature(logits, truth, shrinkage=math.inf)
    found = fit_calibrator(kind, logits, truth)
    assert isinstance(found, LabelCalibrator)
    return found


def _pooling(tables: list[MultilabelPredictions]) -> Temperature | None:
    """The temperature of all views together, at which they are averaged; None = there are too few samples."""
    logits, truth = (np.concatenate(parts) for parts in zip(*((t.logits, t.truth) for t in tables), strict=True))
    found = fit_class_temperature(logits, truth, shrinkage=math.inf)
    return Temperature(found.values[0], len(tables[0])) if found.fitted else None


def _pooled(tables: list[MultilabelPredictions], pooling: Temperature | None) -> NDArray[np.float32]:
    """(N, C) logits of the mean over the views; of one its own."""
    if len(tables) == 1:
        return tables[0].logits
    return mean_logits(np.stack([table.logits for table in tables]), pooling.value if pooling else 1.0)


def _promise(spec: DecisionSpec, known: MultilabelPredictions, logits: Logits) -> MissControl:
    """The control of misses, from probabilities that other samples calibrated."""
    assert spec.misses is not None
    honest = np.zeros(logits.shape)
    fold = deal(known.there, known.groups, FOLDS)
    for inside in (np.flatnonzero(fold == number) for number in np.unique(fold)):
        others = np.setdiff1d(np.arange(len(known)), inside)
        honest[inside] = fit_label_calibrator(spec.calibration, logits[others], known.truth[others]).probabilities(
            logits[inside]
        )
    whole = complete(known.truth)
    return fit_miss_control(honest[whole], known.there[whole], spec.misses)
