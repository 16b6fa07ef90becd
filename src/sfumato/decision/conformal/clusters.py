"""Classes whose scores are alike, so that rare ones can share their samples.

Ding et al., Class-Conditional Conformal Prediction with Many Classes, NeurIPS 2023, section 3 and appendix B.
"""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.conformal.rank import least_samples
from sfumato.metrics.finite import refuse_not_finite

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ALONE = -1
"""Number of a class that is in no cluster: it has the threshold of all."""
_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9)


def plan_clusters(counts: Integers, alpha: float) -> tuple[int, float]:
    """How many clusters (C,) counts allow, and the share of the samples that finds them; below 2, there are none.

    Their rule: of K classes with at least n = max(rarest, 1 / alpha - 1) samples, the share is K / (75 + K) and the
    clusters are share * n / 2.
    """
    least = max(int(counts.min()) if len(counts) else 0, least_samples(alpha))
    enough = int((counts >= least).sum())
    share = enough / (75 + enough)
    return min(int(share * least / 2), enough), share


def find_clusters(scores: Floats, truth: Integers, classes: int, clusters: int, alpha: float) -> Integers:
    """(C,) number of each class's cluster, or ALONE where it has too few samples to be placed.

    Classes that are described alike are in one, so there may be fewer clusters than asked for.

    A class is described by the quantiles of its samples' scores, and weighs as the root of their number.

    Args:
        scores: (N,) of each sample's own label, of samples that no threshold is fitted on.
        truth: (N,) class indices.
        classes: C.
        clusters: How many, at least 1.
        alpha: Miscoverage, above 0 and below 1.
    """
    refuse_not_finite(scores=scores)
    from sklearn.cluster import KMeans

    counts = np.bincount(truth, minlength=classes)
    placed = np.flatnonzero(counts >= max(1, least_samples(alpha)))
    found = np.full(classes, ALONE)
    if len(placed) >= clusters:
        levels = [*_LEVELS, 1 - alpha]
        described = np.array([np.quantile(scores[truth == index], levels) for index in placed])
        different = len(np.unique(described, axis=0))
        means = cast(Any, KMeans)(min(clusters, different), n_init=10, random_state=0)
        found[placed] = means.fit_predict(described, sample_weight=np.sqrt(counts[placed]))
    return found


def halves(truth: Integers, share: float, seed: int = 0) -> NDArray[np.bool_]:
    """(N,) whether each sample helps to find the clusters: about `share` of each class, by the seed."""
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(truth)), truth))
    counts = np.bincount(truth)
    within = np.arange(len(truth)) - np.repeat(counts.cumsum() - counts, counts)
    chosen = np.zeros(len(truth), dtype=bool)
    chosen[order] = within < np.floor(share * np.repeat(counts, counts))
    return chosen
