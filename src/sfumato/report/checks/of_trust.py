"""Checks of what is decided on: confidence, thresholds, promises."""

from collections.abc import Iterator

from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.thresholds.thresholds import Thresholds
from sfumato.report.checks.check import Check, found, judged, skipped
from sfumato.report.checks.of_classes import NAMED
from sfumato.report.evidence import AnyMeasured, LabelsMeasured, Measured
from sfumato.report.unkept import unkept
from sfumato.report.wording import TRUSTED, percent

UNSTABLE = 0.5
"""Width of the range that holds 95 % of the thresholds of resamples, from which on a threshold is called unstable."""


def trust_checks(measured: AnyMeasured) -> Iterator[Check]:
    """All of this family, of one task."""
    yield _measured_on(measured)
    yield _calibration(measured)
    yield _promises(measured)
    yield _thresholds(measured)


def _measured_on(measured: AnyMeasured) -> Check:
    where = {"val": "the validation part", "test": "the test part", "data": "data from outside"}[measured.part]
    return judged("measured-on-validation", where, wrong=measured.part == "val")


def _calibration(measured: AnyMeasured) -> Check:
    scores = measured.results.scores
    error = scores["classwise_ece" if isinstance(measured, LabelsMeasured) else "ece"]
    chance = scores.get("ece_if_calibrated")
    text = f"calibration error {percent(error.value)} ({percent(error.low)} to {percent(error.high)})"
    if chance is not None:
        text += f"; chance alone would make up to {percent(chance.high)}"
    beyond = error.value > TRUSTED and (error.low > TRUSTED if chance is None else error.value > chance.high)
    return judged("miscalibrated", text, wrong=beyond)


def _promises(measured: AnyMeasured) -> Check:
    code = "promise-broken"
    if not isinstance(measured, Measured):
        return skipped(code, "an image may be of several classes; “missed by the sets” shows it")
    policy = measured.policy
    if policy.sets is None and (policy.abstention is None or policy.abstention.bound is None):
        return skipped(code, "nothing was promised")
    if measured.part == "val":
        return skipped(code, "the promise was made on these images")
    broken = unkept(measured)
    return found(code, " ".join(broken)) if broken else judged(code, "by no more than chance", wrong=False)


def _thresholds(measured: AnyMeasured) -> Check:
    code, fitted = "thresholds-unstable", _fitted(measured)
    if fitted is None:
        return skipped(code, "no thresholds were fitted")
    names = measured.predictions.labels.names
    if isinstance(measured, Measured) and measured.policy.thresholds is not None:
        place = measured.policy.thresholds.positive
        names = names if place is None else (names[place],)
    rows = [(name, one) for name, one in zip(names, fitted.classes, strict=True) if one.own is not None]
    wide = [name for name, one in rows if (one.high or 0.0) - (one.low or 0.0) > UNSTABLE]
    listed = ", ".join(f"“{name}”" for name in wide[:NAMED])
    text = f"{len(wide)} of {len(rows)} move by more than {UNSTABLE:g} between resamples of validation"
    return judged(code, f"{text}: {listed}" if wide else text, wrong=bool(wide))


def _fitted(measured: AnyMeasured) -> Thresholds | None:
    """The thresholds, where images chose them."""
    policy = measured.policy
    if isinstance(policy, MultilabelPolicy):
        fitted = policy.thresholds
    else:
        fitted = None if policy.thresholds is None else policy.thresholds.fitted
    return fitted if fitted is not None and fitted.samples else None
