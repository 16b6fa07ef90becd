"""Fitting a policy on validation samples. Shapes: V views, N samples, C classes.

Each part is fitted on what the one before makes of the samples. Where something is said of other samples (sets,
abstention with a certainty, thresholds), those that fitted the parts before must not be the ones it rests on: each fold
of them, groups whole, is decided on by parts that were fitted on the other folds. Halves would do too, at the price of
half the samples for both; validation parts are small. What that costs is the proof: of sets it leaves 1 - 2 alpha in
the worst case (Barber et al., Predictive Inference with the Jackknife+, Annals of Statistics 2021, theorem 4) and
about 1 - alpha in all others.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.abstention import fit_abstain
from sfumato.decision.averaging import averaged, averaged_familiarity
from sfumato.decision.calibration import UNFITTED, Temperature
from sfumato.decision.calibrators.calibrator import fit_calibrator
from sfumato.decision.conformal.sets import fit_sets
from sfumato.decision.dealing import deal
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.doubt.familiar import fit_familiar
from sfumato.decision.doubt.sureness import Familiarity, measured, sureness
from sfumato.decision.logit_adjustment import fit_adjustment
from sfumato.decision.mean_temperature import fit_mean_temperature
from sfumato.decision.named import cost_matrix, prior_shift
from sfumato.decision.policy import Policy
from sfumato.decision.thresholds.answering import fit_answer_thresholds
from sfumato.decision.thresholds.positive import Positive, positive_class
from sfumato.decision.thresholds.rules import LeastCost
from sfumato.metrics.finite import refuse_not_finite
from sfumato.predictions import Predictions

Floats = NDArray[np.float64]
Logits = NDArray[np.floating]
Integers = NDArray[np.int64]

FOLDS = 5


@dataclass(frozen=True)
class _Said:
    """What N samples are said to be."""

    probabilities: Floats
    """(N, C)."""
    answers: Integers
    """(N,)."""


def fit_policy(predictions: Predictions | None, spec: DecisionSpec, train_counts: Integers) -> Policy:
    """Fit all parts of a policy.

    Args:
        predictions: Of validation samples, those of unknown class are left out; None = there are none, so nothing is
            fitted.
        spec: What the recipe asks for.
        train_counts: (C,) training images of each class.

    Raises:
        InputError: The recipe names a class that there is not.
    """
    if predictions is None:
        nothing = np.zeros((1, 0, len(train_counts)), dtype=np.float32)
        return fit_probabilities(nothing, np.zeros(0, dtype=np.int64), train_counts, spec)
    return fit_views((predictions,), spec, train_counts)


def fit_views(tables: tuple[Predictions, ...], spec: DecisionSpec, train_counts: Integers) -> Policy:
    """As `fit_policy`, of V tables that say of the same samples what was seen in each view."""
    known = [table.known() for table in tables]
    first = known[0]
    views = first.logits[None] if len(known) == 1 else np.stack([table.logits for table in known])
    shift = None if spec.priors is None else prior_shift(spec.priors, first.labels.names, train_counts)
    costs = None if spec.costs is None else cost_matrix(spec.costs, first.labels.names)
    positive = positive_class(spec.thresholds, first.labels.names, train_counts)

    def fit(rows: Integers | slice) -> Policy:
        policy = fit_probabilities(views[:, rows], first.truth[rows], train_counts, spec)
        policy = replace(policy, shift=shift, costs=costs)
        if positive is None:
            return policy
        return _with_thresholds(policy, said_by(policy, rows), first.truth[rows], spec, positive)

    def said_by(policy: Policy, rows: Integers | slice = slice(None)) -> Floats:
        return policy.probabilities(pooled(views[:, rows], policy))

    policy = fit(slice(None))
    honest = _by_others(policy, fit, said_by, first) if _speaks_of_others(spec) else None
    said = honest.probabilities if honest else said_by(policy)
    policy = _with_thresholds(policy, said, first.truth, spec, positive)
    familiarity = averaged_familiarity([table.familiarity for table in known])
    if spec.familiar is not None:
        policy = replace(policy, familiar=fit_familiar(measured(familiarity), spec.familiar))
    return _with_doubt(policy, pooled(views, policy), first.truth, honest, spec, familiarity)


def _by_others(
    policy: Policy,
    fit: Callable[[Integers], Policy],
    said_by: Callable[[Policy, Integers], Floats],
    table: Predictions,
) -> _Said:
    """What is said of each fold of the samples by parts that were fitted on the others."""
    honest = _Said(np.zeros(table.logits.shape), np.zeros(len(table), dtype=np.int64))
    fold = deal(table.truth, table.groups, FOLDS)
    for inside in (np.flatnonzero(fold == number) for number in np.unique(fold)):
        other = fit(np.setdiff1d(np.arange(len(table)), inside))
        if other.calibrator.fitted != policy.calibrator.fitted:
            other = policy  # four folds are too few to calibrate: what they say is on another scale
        honest.probabilities[inside] = said_by(other, inside)
        honest.answers[inside] = other.choose(honest.probabilities[inside])
    return honest


def fit_probabilities(views: Logits, truth: Integers, train_counts: Integers, spec: DecisionSpec) -> Policy:
    """Adjustment and calibration, of (V, N, C) logits of samples whose (N,) classes are known.

    Of several views the temperature is the one under which their mean is likeliest, strengths of adjustment are
    compared on the mean, and another calibrator is fitted on the mean: pooled first and calibrated then, which is the
    better order (Rahaman and Thiery, Uncertainty Quantification and Deep Ensembles, NeurIPS 2021).
    """
    refuse_not_finite(views=views)
    policy = Policy()
    if spec.logit_adjustment is not None:
        plain = pooled(views, Policy(_temperature(views, truth, spec) if len(views) > 1 else UNFITTED))
        policy = Policy(adjustment=fit_adjustment(plain, truth, train_counts, spec.logit_adjustment))
    temperature = _temperature(policy.adjusted(views), truth, spec)
    policy = replace(policy, calibrator=temperature)
    if spec.calibration in ("none", "temperature"):
        return policy
    calibrator = fit_calibrator(spec.calibration, policy.adjusted(pooled(views, policy)), truth)
    return replace(policy, calibrator=calibrator, pooling=temperature)


def pooled(views: Logits, policy: Policy) -> Logits:
    """(N, C) logits of (V, N, C): their average under the policy; of one view its own."""
    refuse_not_finite(views=views)
    return views[0] if len(views) == 1 else averaged(views, policy)


def _temperature(views: Logits, truth: Integers, spec: DecisionSpec) -> Temperature:
    return UNFITTED if spec.calibration == "none" else fit_mean_temperature(views, truth)


def _speaks_of_others(spec: DecisionSpec) -> bool:
    """Whether a part is to hold for samples that fitted no other."""
    swept = spec.thresholds is not None and not isinstance(spec.thresholds.rule, LeastCost)
    return swept or spec.sets is not None or (spec.abstain is not None and spec.abstain.sure is not None)


def _with_thresholds(
    policy: Policy, said: Floats, truth: Integers, spec: DecisionSpec, positive: Positive | None
) -> Policy:
    """The same with thresholds, if there are to be any, for (N, C) probabilities."""
    if spec.thresholds is None:
        return policy
    place = None if positive is None else positive.place
    used_at = None if policy.shift is None else policy.shift.new
    return replace(policy, thresholds=fit_answer_thresholds(said, truth, spec.thresholds, place, used_at))


def _with_doubt(
    policy: Policy, logits: Logits, truth: Integers, honest: _Said | None, spec: DecisionSpec, familiarity: Familiarity
) -> Policy:
    """The same with abstention and sets; `honest` as decided by parts that other samples fitted.

    Where strange pictures are not answered anyway, the errors of the others are those that abstention has to bound.
    """
    if spec.abstain is not None:
        said = policy.probabilities(logits)
        seen = _Said(said, policy.choose(said)) if honest is None or spec.abstain.sure is None else honest
        answered = seen.probabilities[np.arange(len(truth)), seen.answers]
        sure = sureness(spec.abstain.by, logits, seen.probabilities, answered, familiarity)
        given = np.full(len(sure), True) if policy.familiar is None else policy.familiar.accepts(measured(familiarity))
        policy = replace(policy, abstention=fit_abstain(sure[given], (seen.answers == truth)[given], spec.abstain))
    if spec.sets is not None and honest is not None:
        policy = replace(policy, sets=fit_sets(honest.probabilities, truth, spec.sets))
    return policy
