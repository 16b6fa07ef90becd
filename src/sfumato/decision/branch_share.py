"""How two branches of one network that score the same classes are made one: each calibrated, then a share of either.

Shapes: N samples, C classes.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from sfumato.decision.calibrators.platt import Platt, fit_platt
from sfumato.decision.dealing import deal
from sfumato.decision.policy_fit import FOLDS
from sfumato.metrics.membership import Labels, answered

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BranchShare:
    """What was fitted."""

    share: float
    """Of the first branch, 0 to 1."""
    curves: tuple[Platt, Platt]
    """What calibrates either; slopes of 1 where there were too few samples to fit any."""
    losses: tuple[float, float, float] | None
    """Mean log loss a class, in nats, of the first, the second and both together, each calibrated on other samples;
    they chose the share, so they say nothing of new samples. None = nothing was fitted."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        losses = None if self.losses is None else dict(zip(("head", "decoder", "both"), self.losses, strict=True))
        head, decoder = (asdict(curve) for curve in self.curves)
        return {"head_share": self.share, "selection_log_loss": losses, "head": head, "decoder": decoder}


def fit_branch_share(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    truth: Labels,
    groups: NDArray[np.int64] | None = None,
    given: float | None = None,
) -> BranchShare:
    """Fit the curves, and the share of least log loss on samples that did not fit them.

    -log(share p + (1 - share) q) is convex in the share, so there is one best. With fewer than LEAST_SAMPLES samples
    nothing is fitted, and the share is a half.

    Args:
        first: (N, C) log-odds of one branch.
        second: (N, C) of the other.
        truth: (N, C) as in `metrics.membership`; each class goes by the samples whose answer is known.
        groups: (N,) number of the group of each sample, which fits or tries as a whole; None = each is on its own.
        given: A share to take instead.
    """
    curves = fit_platt(first, truth), fit_platt(second, truth)
    if not curves[0].fitted:
        return BranchShare(0.5 if given is None else given, curves, None)
    fold = deal(truth, groups, FOLDS)
    p, q = _by_others(first, truth, fold), _by_others(second, truth, fold)
    share = _best_share(p, q, truth) if given is None else given
    losses = (_loss(p, truth), _loss(q, truth), _loss(share * p + (1 - share) * q, truth))
    return BranchShare(share, curves, losses)


def _by_others(scores: NDArray[np.floating], truth: Labels, fold: NDArray[np.int64]) -> Floats:
    """(N, C) probabilities, each sample's calibrated by those of other folds."""
    found = np.zeros(scores.shape)
    for number in np.unique(fold):
        inside = fold == number
        found[inside] = fit_platt(scores[~inside], truth[~inside]).probabilities(scores[inside])
    return found


def _best_share(p: Floats, q: Floats, truth: Labels) -> float:
    found = minimize_scalar(lambda s: _loss(s * p + (1 - s) * q, truth), bounds=(0, 1), method="bounded")
    ends = (0.0, float(found.x), 1.0)
    return min(ends, key=lambda s: _loss(s * p + (1 - s) * q, truth))


def _loss(p: Floats, truth: Labels) -> float:
    """Mean over all pairs of a sample and a class of which it is known whether they belong together."""
    own = np.where(truth == 1, p, 1 - p)[answered(truth, p.shape[1])]
    return float(-np.log(np.maximum(own, 1e-12)).mean())
