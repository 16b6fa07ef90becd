"""Every check of a run: its code, severity, name and what to do. docs/checks.md explains each."""

from dataclasses import dataclass

from sfumato.data.health.catalogue import Severity

DOCS = "checks.md"
"""The page of the docs that has a heading a code."""


@dataclass(frozen=True)
class CheckKind:
    """What a check is about."""

    severity: Severity
    """error: figures or answers can't be relied on. warning: look at it before you use them. info: good to know."""
    title: str
    """What is the matter where it finds something."""
    advice: str


CHECKS: dict[str, CheckKind] = {
    "leak": CheckKind(
        "error",
        "What was measured on has relatives in what was trained on",
        "Split them together: the figures are too good.",
    ),
    "no-better-than-guessing": CheckKind(
        "error",
        "It is not shown to do better than guessing",
        "Look at the pictures it saw and at the labels; train longer, at another rate, or with more of the network.",
    ),
    "promise-broken": CheckKind(
        "error",
        "A promise made on validation does not hold on what was measured",
        "Ask whether these images are like those of validation; decide anew with some that are.",
    ),
    "measured-on-validation": CheckKind(
        "warning",
        "Measured on images that also chose the weights",
        "Set a test part aside: these figures are optimistic.",
    ),
    "overfit": CheckKind(
        "warning",
        "Validation grew worse while training grew better",
        "Stop earlier, augment more, or learn fewer parameters.",
    ),
    "class-never-named": CheckKind(
        "warning",
        "Classes that are never the answer",
        "Give rare classes more weight (docs/timeline.md, sampler_power), or collect more of them.",
    ),
    "tail-collapse": CheckKind(
        "warning",
        "The rarest classes are hardly found",
        "Give rare classes more weight, or move the answers towards them (docs/decisions.md, logit_adjustment).",
    ),
    "miscalibrated": CheckKind(
        "warning",
        "Its confidence is off by more than chance",
        "Try another decision.calibration, or calibrate on more validation images.",
    ),
    "thresholds-unstable": CheckKind(
        "warning",
        "Thresholds that other images would have put elsewhere",
        "Validate on more images, or raise decision.thresholds.shrinkage.",
    ),
    "background-shortcut": CheckKind(
        "warning",
        "It names classes by the edge of the picture alone",
        "Fine where the object fills the picture; else vary backgrounds, crop, and test on pictures from elsewhere.",
    ),
    "likely-wrong-labels": CheckKind(
        "warning",
        "Labels that are likely wrong",
        "Look at them, mend those that are, and measure again.",
    ),
    "left-out": CheckKind("warning", "Pictures that could not be used", "data/bad_images.csv lists them: mend them."),
    "few-images": CheckKind(
        "info", "Too few images to tell good from better", "Measure on more images: the interval is wide."
    ),
    "class-not-measured": CheckKind(
        "info", "Classes without an image to measure them on", "Collect some, or deal folds: sfumato crossval."
    ),
    "still-improving": CheckKind("info", "The last epoch was the best", "Train for more epochs: it may get better."),
}
"""Code -> what it is about, in the order in which they are shown."""
