"""Thresholds against the classes that there are: of two they choose the answer, of more they withhold it.

Where an image may be of several classes each is named by its own, whatever the rule.
"""

import numpy as np

from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.thresholds.positive import SETTING, positive_class
from sfumato.decision.thresholds.rules import EqualError, FBeta, PrecisionFloor, Youden
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.errors import InputError
from sfumato.tasks import TaskLayout


def check_thresholds(thresholds: ThresholdSpec, spec: DecisionSpec, layout: TaskLayout) -> None:
    """Refuse what is idle, or says nothing, of so many classes.

    Raises:
        InputError: A positive class that is none, or that one of several tasks may have; with two classes a shrinkage
            or a logit adjustment; with more a rule that says nothing of the answers given, one of precision beside
            other frequencies, or abstention.
    """
    if thresholds.positive is not None and layout.several:
        what = f"names a class of one task, and there are {', '.join(layout.spaces)}"
        raise InputError(what, setting=SETTING, mend="leave it out")
    if layout.multilabel:
        _refuse_positive(thresholds)
        return
    for space in layout.spaces.values():
        positive_class(thresholds, space.names, np.zeros(len(space), dtype=np.int64))
    most = max(layout.sizes)
    if most > 2:
        _check_withholding(thresholds, spec, most)
    elif "shrinkage" in thresholds.changed:
        what = "has no effect: of two classes one has a threshold, and there is no other to be drawn towards"
        raise InputError(what, setting="decision.thresholds.shrinkage", mend="leave it out")
    if min(layout.sizes) == 2 and spec.logit_adjustment is not None:
        what = "decision.thresholds chooses between two classes, however their logits are adjusted"
        raise InputError(what, setting="decision.logit_adjustment", mend="keep one of them")


def _refuse_positive(thresholds: ThresholdSpec) -> None:
    if thresholds.positive is not None:
        what = "names one class, and here an image may be of several, each with a threshold of its own"
        raise InputError(what, setting=SETTING, mend="leave it out")


def _check_withholding(thresholds: ThresholdSpec, spec: DecisionSpec, classes: int) -> None:
    if isinstance(thresholds.rule, Youden | EqualError):
        what = (
            f"of {classes} classes a threshold withholds answers, and {thresholds.rule.kind} weighs what is missed "
            "against what is named of the others: it says nothing of the answers that are given"
        )
        expected = "precision_floor, recall_floor, f_beta or least_cost"
        raise InputError(what, setting="decision.thresholds.rule", expected=expected)
    if spec.priors is not None and isinstance(thresholds.rule, FBeta | PrecisionFloor):
        what = (
            f"validation has other frequencies of {classes} classes than decision.priors, so its precision is no guide"
        )
        raise InputError(what, setting="decision.thresholds.rule", expected="recall_floor or least_cost")
    if spec.abstain is not None:
        what = f"of {classes} classes decision.thresholds withholds answers too, and nothing would say which did"
        raise InputError(what, setting="decision.abstain", mend="keep one of them")
