"""The policy of a network whose pictures are looked at in several views: fitted on what the average says.

Shapes: V views, N samples, C classes.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.abstention import fit_abstention
from sfumato.decision.averaging import averaged, log_mean
from sfumato.decision.calibration import LEAST_SAMPLES, UNFITTED, Temperature, fit_temperature, soft_targets
from sfumato.decision.logit_adjustment import fit_adjustment
from sfumato.decision.policy import DecisionSpec, Policy, fit_policy
from sfumato.predictions import Predictions

ByView = Mapping[str, Predictions]
"""Name of a view -> what is said of the same samples in it; the plain view first."""

_COLDEST, _HOTTEST = math.log(0.01), math.log(100)
_COARSE, _FINE = 32, 25
_GOLDEN = (5**0.5 - 1) / 2


def fit_view_policy(said: ByView | None, spec: DecisionSpec, train_counts: NDArray[np.int64]) -> Policy:
    """As `fit_policy`, on the mean of the views' probabilities; of the plain view alone it is `fit_policy`.

    The temperature is the one number under which the mean of softmax(z / T) over the views is likeliest. Strengths of
    logit adjustment are compared on the mean under the temperature without it.

    Args:
        said: Of validation samples; None = there are none, so nothing is fitted.
        spec: What the recipe asks for.
        train_counts: (C,) training images of each class.
    """
    if said is None or len(said) == 1:
        return fit_policy(None if said is None else next(iter(said.values())), spec, train_counts)
    known = [table.known() for table in said.values()]
    logits, truth = np.stack([table.logits for table in known]), known[0].truth
    calibrated = spec.calibration == "temperature"
    policy = Policy(fit_mean_temperature(logits, truth) if calibrated else UNFITTED)
    if spec.logit_adjustment is not None:
        mean = averaged(logits, policy)
        policy = Policy(adjustment=fit_adjustment(mean, truth, train_counts, spec.logit_adjustment))
        adjusted = policy.adjusted(logits)
        policy = replace(policy, temperature=fit_mean_temperature(adjusted, truth) if calibrated else UNFITTED)
    if spec.abstain is None:
        return policy
    verdicts = policy.apply(averaged(logits, policy))
    return replace(
        policy, abstention=fit_abstention(verdicts.confidence, verdicts.predicted == truth, spec.abstain.max_error)
    )


def average_views(said: ByView, policy: Policy) -> Predictions:
    """One table: the logits to which the policy gives the mean over the views; of the plain view alone its own."""
    first = next(iter(said.values()))
    if len(said) == 1:
        return first
    return replace(first, logits=averaged(np.stack([table.logits for table in said.values()]), policy))


def fit_mean_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> Temperature:
    """The temperature of least cross-entropy of the mean over V of softmax(z / T), on (V, N, C) and (N,).

    Targets are softened, and fewer than LEAST_SAMPLES samples give 1, as `fit_temperature`, which it is for one view.
    Of several, the cross-entropy need not be convex: the best of log-spaced temperatures from 0.01 to 100 is refined
    between its neighbours by golden sections (Kiefer 1953).
    """
    if len(logits) == 1:
        return fit_temperature(logits[0], truth)
    if len(truth) < LEAST_SAMPLES:
        return UNFITTED
    z, targets = logits.astype(np.float64), soft_targets(truth, logits.shape[2])

    def loss(log_value: float) -> float:
        return float(-(targets * log_mean(z / math.exp(log_value))).sum())

    step = (_HOTTEST - _COLDEST) / _COARSE
    best = min((_COLDEST + step * place for place in range(_COARSE + 1)), key=loss)
    low, high = max(_COLDEST, best - step), min(_HOTTEST, best + step)
    for _ in range(_FINE):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return Temperature(math.exp((low + high) / 2), len(truth))
