"""How two branches of one network that score the same classes are made one: each calibrated, then a share of either.

Shapes: N samples, C classes.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from sfumato.decision.calibrators.platt import LEAST_SAMPLES, Platt, fit_platt
from sfumato.decision.dealing import deal
from sfumato.decision.policy_fit import FOLDS

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
    there: NDArray[np.bool_],
    groups: NDArray[np.int64] | None = None,
    given: float | None = None,
) -> BranchShare:
    """Fit the curves, and the share of least log loss on samples that did not fit them.

    -log(share p + (1 - share) q) is convex in the share, so there is one best. With fewer than LEAST_SAMPLES samples
    nothing is fitted, and the share is a half.

    Args:
        first: (N, C) log-odds of one branch.
        second: (N, C) of the other.
        there: (N, C) truth.
        groups: (N,) number of the group of each sample, which fits or tries as a whole; None = each is on its own.
        given: A share to take instead.
    """
    curves = fit_platt(first, there), fit_platt(second, there)
    if len(there) < LEAST_SAMPLES:
        return BranchShare(0.5 if given is None else given, curves, None)
    fold = deal(there, groups, FOLDS)
    p, q = _by_others(first, there, fold), _by_others(second, there, fold)
    share = _best_share(p, q, there) if given is None else given
    losses = (_loss(p, there), _loss(q, there), _loss(share * p + (1 - share) * q, there))
    return BranchShare(share, curves, losses)


def _by_others(scores: NDArray[np.floating], there: NDArray[np.bool_], fold: NDArray[np.int64]) -> Floats:
    """(N, C) probabilities, each sample's calibrated by those of other folds."""
    found = np.zeros(scores.shape)
    for number in np.unique(fold):
        inside = fold == number
        found[inside] = fit_platt(scores[~inside], there[~inside]).probabilities(scores[inside])
    return found


def _best_share(p: Floats, q: Floats, there: NDArray[np.bool_]) -> float:
    found = minimize_scalar(lambda s: _loss(s * p + (1 - s) * q, there), bounds=(0, 1), method="bounded")
    ends = (0.0, float(found.x), 1.0)
    return min(ends, key=lambda s: _loss(s * p + (1 - s) * q, there))


def _loss(p: Floats, there: NDArray[np.bool_]) -> float:
    own = np.where(there, p, 1 - p)
    return float(-np.log(np.maximum(own, 1e-12)).mean())
