"""Decisions that ask for what nothing can fit, or for two things of which one undoes the other, are refused."""

from sfumato.data.elements import ElementsSpec
from sfumato.data.views import ViewsSpec
from sfumato.decision.abstention import AbstainSpec
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.thresholds.rules import LeastCost
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.errors import InputError


def refuse_decision(decision: DecisionSpec, views: ViewsSpec | None) -> None:
    """Raise InputError for the first setting of decisions that is idle or contradicts another."""
    adjustment = decision.logit_adjustment
    if adjustment is not None and adjustment.tau != "auto" and "objective" in adjustment.changed:
        raise _idle("decision.logit_adjustment.objective", "tau is given", "set tau: auto")
    if decision.abstain is not None:
        _check_abstain(decision.abstain)
        if views is not None:
            refuse_energy(decision, "views are averaged")
        if decision.familiar is not None and decision.abstain.by in ("mahalanobis", "knn"):
            what = "decision.familiar and decision.abstain.by both withhold by familiarity"
            raise InputError(what, setting="decision.abstain.by", mend="keep one, or let abstain go by confidence")
    if decision.thresholds is not None:
        _check_thresholds(decision.thresholds, decision)
    if decision.priors is not None:
        _check_priors(decision)


def refuse_energy(decision: DecisionSpec, why: str) -> None:
    """Raise InputError for abstention by the size of logits that an average does not have; `why` there is one."""
    if decision.abstain is not None and decision.abstain.by == "energy":
        what = f"{why}, and of an average nothing says how large the logits are"
        expected = "confidence, margin, entropy, mahalanobis or knn"
        raise InputError(what, setting="decision.abstain.by", expected=expected)


def refuse_narrowing(decision: DecisionSpec, elements: ElementsSpec | None) -> None:
    """Raise InputError where narrowed candidates lack elements, or would break what was fitted for all of them."""
    narrow = decision.narrow
    if narrow is None:
        return
    if elements is None:
        raise InputError("needs the elements found in the samples", setting="decision.narrow", expected="data.elements")
    if narrow.tau is not None and "recall" in narrow.changed:
        raise _idle("decision.narrow.recall", "tau is given", "leave one of them out")
    for name in ("abstain", "costs", "sets", "thresholds"):
        if getattr(decision, name) is not None:
            what = f"decision.{name} is fitted for answers among all classes, and decision.narrow leaves some out"
            raise InputError(what, setting="decision.narrow", mend="keep one of them")


def refuse_averaged_narrowing(decision: DecisionSpec) -> None:
    """Raise InputError for candidates to be narrowed where the answers of several networks are averaged."""
    if decision.narrow is not None:
        what = "has no effect on networks that are averaged"
        raise InputError(what, setting="decision.narrow", mend="leave it out, or train a single run: sfumato train")


def refuse_unfitted(decision: DecisionSpec, why: str) -> None:
    """Raise InputError for the first setting that needs validation samples; `why` there are none."""
    keep = "keep validation samples"
    if decision.calibration not in ("temperature", "none"):
        raise _idle("decision.calibration", f"{why}, so nothing can be calibrated", keep)
    if decision.abstain is not None:
        raise _idle("decision.abstain", f"{why}, so no threshold can be fitted", keep)
    if decision.familiar is not None:
        raise _idle("decision.familiar", f"{why}, so no threshold can be fitted", keep)
    for name in ("sets", "misses"):
        if getattr(decision, name) is not None:
            raise _idle(f"decision.{name}", f"{why}, so nothing can be promised", keep)
    if decision.thresholds is not None:
        raise _idle("decision.thresholds", f"{why}, so no threshold can be fitted", keep)
    if decision.narrow is not None and decision.narrow.tau is None:
        raise _idle("decision.narrow", f"{why}, so no tau can be fitted", f"give tau, or {keep}")
    for name in ("priors", "costs"):
        if getattr(decision, name) is not None:
            what = f"{why}, so probabilities can't be calibrated, which this takes at their word"
            raise InputError(what, setting=f"decision.{name}", mend=keep)
    if decision.logit_adjustment is not None and decision.logit_adjustment.tau == "auto":
        mend = "give tau a number, or keep validation samples"
        raise _idle("decision.logit_adjustment", f"{why}, so no tau can be fitted", mend)


def _check_abstain(abstain: AbstainSpec) -> None:
    if (abstain.max_error is None) == (abstain.coverage is None):
        what = "says neither max_error nor coverage" if abstain.coverage is None else "says both max_error and coverage"
        raise InputError(what, setting="decision.abstain", expected="one of them")
    if abstain.sure is not None and abstain.coverage is not None:
        raise _idle("decision.abstain.sure", "coverage sets the threshold", "leave it out, or give max_error")


def _check_thresholds(thresholds: ThresholdSpec, decision: DecisionSpec) -> None:
    if decision.costs is not None:
        what = "decision.costs chooses the answer by what each costs, and decision.thresholds by probability"
        raise InputError(what, setting="decision.thresholds", mend="keep one of them")
    if isinstance(thresholds.rule, LeastCost) and "shrinkage" in thresholds.changed:
        raise _idle("decision.thresholds.shrinkage", "costs give every class the same threshold", "leave it out")


def _check_priors(decision: DecisionSpec) -> None:
    """Validation has the old frequencies, so what it shows or promises is not so at others."""
    if decision.logit_adjustment is not None:
        what = "decision.logit_adjustment and decision.priors correct the class prior together"
        raise InputError(what, setting="decision.priors", mend="keep one of them")
    if decision.abstain is not None:
        what = "validation has other class frequencies than decision.priors, so its errors set no threshold"
        raise InputError(what, setting="decision.abstain", mend="keep one of them")
    if decision.familiar is not None:
        what = "validation has other class frequencies than decision.priors, so what is rare there need not be in use"
        raise InputError(what, setting="decision.familiar", mend="keep one of them")
    if decision.sets is not None and decision.sets.scope != "class":
        what = "validation has other class frequencies than decision.priors, so only a promise for each class holds"
        raise InputError(what, setting="decision.sets.scope", expected="class")


def _idle(setting: str, why: str, mend: str) -> InputError:
    return InputError(f"has no effect: {why}", setting=setting, mend=mend)
