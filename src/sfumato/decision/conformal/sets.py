"""Conformal sets: the labels of a sample that cannot be ruled out, fitted on validation samples.

Vovk et al. 2005; Angelopoulos and Bates, A Gentle Introduction to Conformal Prediction, 2021. Over draws of n
calibration samples the coverage is Beta(k, n + 1 - k) with k = ceil((n + 1)(1 - alpha)): 1 - alpha on average at least,
above 1 - alpha + 1 / (n + 1) never. It holds for samples like those of calibration: fit after every other decision, on
samples that chose nothing.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.calibrators.one_vs_rest import check_lengths
from sfumato.decision.conformal.clusters import ALONE, find_clusters, halves, plan_clusters
from sfumato.decision.conformal.rank import conformal_quantile, least_samples
from sfumato.decision.conformal.scores import Lac, Score
from sfumato.spec import Spec
from sfumato.stored import read_stored, stored

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Scope = Literal["all", "class", "cluster"]
Count = Annotated[int, Field(ge=0)]
Alpha = Annotated[float, Field(gt=0, lt=1)]


class ConformalSpec(Spec):
    """Sets of labels with a promise."""

    alpha: Alpha = 0.1
    """Share of samples whose set may lack the truth, above 0 and below 1."""
    score: Score = Lac()
    """How labels are ordered."""
    scope: Scope = "all"
    """Whether the promise is for all samples together, for each class, or for clusters of classes whose scores are
    alike; a class with too few samples has what the wider scope gives it."""


@stored
@dataclass(frozen=True)
class ConformalSets:
    """A label is in a sample's set where its score is at most its class's threshold."""

    score: Score
    alpha: Alpha
    thresholds: tuple[float | None, ...]
    """C numbers; None = too few samples: the label is in every set."""
    scopes: tuple[Scope, ...]
    """C: which samples gave the threshold, and so what the promise of the class is for."""
    counts: tuple[Count, ...]
    """C numbers of calibration samples."""

    def __post_init__(self) -> None:
        check_lengths(thresholds=self.thresholds, scopes=self.scopes, counts=self.counts)

    @property
    def promised(self) -> float:
        """Least share of sets that hold the truth, 1 - alpha."""
        return 1 - self.alpha

    def sets(self, probabilities: Floats) -> NDArray[np.bool_]:
        """(N, C) whether each label is in the sample's set, from (N, C) probabilities whose rows sum to 1."""
        limits = np.array([np.inf if one is None else one for one in self.thresholds])
        return self.score.scores(probabilities) <= limits

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "score": self.score.model_dump()}

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "ConformalSets":
        """Read what `to_dict` made, before or after JSON; `where` names it in errors."""
        return read_stored(cls, document, "conformal sets", where)


def fit_sets(probabilities: Floats, truth: Integers, spec: ConformalSpec) -> ConformalSets:
    """Thresholds from (N, C) probabilities of calibration samples and their (N,) class indices."""
    classes = len(probabilities.T)
    counts = np.bincount(truth, minlength=classes)
    own = spec.score.scores(probabilities)[np.arange(len(truth)), truth]
    limits, scopes = _FIT[spec.scope](own, truth, counts, spec.alpha)
    finite = tuple(float(one) if np.isfinite(one) else None for one in limits)
    return ConformalSets(spec.score, spec.alpha, finite, scopes, tuple(counts.tolist()))


Limits = tuple[Floats, tuple[Scope, ...]]


def _for_all(own: Floats, truth: Integers, counts: Integers, alpha: float) -> Limits:  # noqa: ARG001
    scopes: tuple[Scope, ...] = ("all",) * len(counts)
    return np.full(len(counts), conformal_quantile(own, alpha)), scopes


def _by_class(own: Floats, truth: Integers, counts: Integers, alpha: float) -> Limits:
    limits, _ = _for_all(own, truth, counts, alpha)
    enough = counts >= least_samples(alpha)
    for index in np.flatnonzero(enough).tolist():
        limits[index] = conformal_quantile(own[truth == index], alpha)
    return limits, tuple("class" if fine else "all" for fine in enough)


def _by_cluster(own: Floats, truth: Integers, counts: Integers, alpha: float) -> Limits:
    clusters, share = plan_clusters(counts, alpha)
    if clusters < 2:
        return _for_all(own, truth, counts, alpha)
    finding = halves(truth, share)
    place = find_clusters(own[finding], truth[finding], len(counts), clusters, alpha)
    own, truth = own[~finding], truth[~finding]
    limits, _ = _for_all(own, truth, counts, alpha)
    for cluster in range(clusters):
        limits[place == cluster] = conformal_quantile(own[place[truth] == cluster], alpha)
    return limits, tuple("all" if one == ALONE else "cluster" for one in place.tolist())


_FIT = {"all": _for_all, "class": _by_class, "cluster": _by_cluster}
