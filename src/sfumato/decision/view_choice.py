"""Which views to look at pictures in: those by which validation gains more than chance would give.

Shapes: V views, N samples, C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sfumato.decision.calibration import LEAST_SAMPLES
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.view_policy import ByView, average_views, fit_view_policy
from sfumato.metrics.classification import SCORES, answer_counts
from sfumato.metrics.honesty import log_losses
from sfumato.metrics.label_scores import AnyScoreName, selection_scores
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions, known_rows
from sfumato.stored import read_stored, stored

LEVEL = 0.05
"""Chance with which views that are worth nothing are taken."""

Floats = NDArray[np.float64]
AboveZero = Annotated[float, Field(ge=0)]


@stored
@dataclass(frozen=True)
class Tried:
    """One set of views, as it fared on the samples that chose: selection scores, no results."""

    name: str
    """`plain`, a kind of views with the plain one, or `all`."""
    views: tuple[str, ...]
    """Names of the views; their number is how often each picture is looked at."""
    loss: AboveZero
    """Negative log-likelihood of the calibrated mean, nats; of several tasks the mean."""
    score: Annotated[float, Field(ge=0, le=1)]
    """Of the answers, by `train.select`; of several tasks the mean."""
    gain: float | None
    """Loss that it saves against the set that was best before it; None = it is the first."""
    error: AboveZero | None
    """Standard error of the gain, of paired samples; None where there is no gain."""
    taken: bool
    """Whether it took that set's place."""


@stored
@dataclass(frozen=True)
class ViewChoice:
    """What was tried, in order, and what came of it. Stored as a run's views.json."""

    views: tuple[str, ...]
    """Names of the views that are used, the plain one first."""
    reason: str
    select: str
    """The score that `score` is of."""
    samples: Annotated[int, Field(ge=0)]
    """Validation samples whose answer is known."""
    tried: tuple[Tried, ...]

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "ViewChoice":
        """Read a views.json of a run; `where` names it in errors."""
        return read_stored(cls, document, "a choice of views", where)


@dataclass(frozen=True)
class _Fared:
    loss: Floats
    """(N,) nats."""
    score: float


def choose_views(
    said: Mapping[str, ByView],
    kinds: Mapping[str, tuple[int, ...]],
    spec: DecisionSpec,
    train_counts: Mapping[str, NDArray[np.int64]],
    select: AnyScoreName,
) -> ViewChoice:
    """Try sets of views from the cheapest to the dearest; each takes the place of the best before it if it pays.

    It pays if it is likelier on the same samples by more than chance gives, and its answers score no less. Each set is
    judged as it would decide: averaged and calibrated by a policy of its own, fitted on these samples like all others.
    Chance is a one-sided test of the mean of the paired differences at LEVEL, shared among the sets (Dunn, Multiple
    Comparisons among Means, JASA 1961); samples that belong together count as one (Cameron, Gelbach and Miller 2008).
    The likelihood is asked since it hears every sample; the score moves only with those whose answer changes.

    Args:
        said: Task -> what is said of the validation samples in each view, the plain one first.
        kinds: Name of a set -> places of its views.
        spec: How logits become decisions.
        train_counts: Task -> (C,) training images of each class.
        select: The score that chose the weights.
    """
    names = tuple(next(iter(said.values())))
    answered = _answered(said)
    units = _units(said)[answered]
    enough = len(np.unique(units)) >= LEAST_SAMPLES
    reach = NormalDist().inv_cdf(1 - LEVEL / max(1, len(kinds)))
    best = _fared(said, (0,), spec, train_counts, select)
    tried = [Tried("plain", names[:1], _mean(best.loss[answered]), best.score, None, None, taken=True)]
    for name, places in sorted(kinds.items(), key=lambda item: len(item[1])):
        fared = _fared(said, places, spec, train_counts, select)
        gain, error = _paired((best.loss - fared.loss)[answered], units)
        pays = enough and gain > reach * error and fared.score >= best.score
        views = tuple(names[place] for place in places)
        tried.append(Tried(name, views, _mean(fared.loss[answered]), fared.score, gain, error, pays))
        best = fared if pays else best
    held, samples = [one for one in tried if one.taken][-1], int(answered.sum())
    return ViewChoice(held.views, _reason(held.name, enough, samples), select, samples, tuple(tried))


def _mean(losses: Floats) -> float:
    return float(losses.mean()) if len(losses) else 0.0


def _reason(held: str, enough: bool, samples: int) -> str:
    if not enough:
        return f"{samples} validation samples, or groups of them, are too few to tell whether others pay"
    if held == "plain":
        return f"on {samples} validation samples no others gain more than chance would give"
    return f"{held}: likelier on {samples} validation samples by more than chance would give, and scored no less"


def _fared(
    said: Mapping[str, ByView],
    places: tuple[int, ...],
    spec: DecisionSpec,
    train_counts: Mapping[str, NDArray[np.int64]],
    select: AnyScoreName,
) -> _Fared:
    """How a set of views does: (N,) losses, the mean over the tasks that are answered, 0 where none is."""
    losses: list[Floats] = []
    scores: list[float] = []
    for task, by_view in said.items():
        names = list(by_view)
        chosen = {names[place]: by_view[names[place]] for place in places}
        many = isinstance(next(iter(chosen.values())), MultilabelPredictions)
        asked = _choosing(spec, len(train_counts[task]), multilabel=many)
        policy = fit_view_policy(chosen, asked, train_counts[task], multilabel=many)
        mean = average_views(chosen, policy)
        known, found, score = _judged(mean, policy, select)
        loss = np.full(len(mean), np.nan)
        loss[known] = found
        losses.append(loss)
        scores += [] if score is None else [score]
    there = ~np.isnan(losses)
    total = np.where(there, losses, 0).sum(axis=0) / np.maximum(1, there.sum(axis=0))
    return _Fared(total, sum(scores) / len(scores) if scores else 0.0)


def _choosing(spec: DecisionSpec, classes: int, *, multilabel: bool) -> DecisionSpec:
    """What of a decision changes probabilities and answers: of more than two classes, one a sample, thresholds withhold
    answers alone.
    """
    withheld = ("thresholds",) if classes > 2 and not multilabel else ()
    return spec.model_copy(update=dict.fromkeys(("abstain", "familiar", "sets", "misses", *withheld)))


def _judged(
    mean: AnyPredictions, policy: AnyPolicy, select: AnyScoreName
) -> tuple[NDArray[np.bool_], Floats, float | None]:
    """(N,) whether something is known of a sample, the (K,) losses of those, and their score; None without one."""
    known = known_rows(mean)
    truth, logits = mean.truth[known], mean.logits[known]
    if isinstance(policy, MultilabelPolicy):
        verdicts = policy.apply(logits)
        losses = log_losses(verdicts.probabilities, truth)
        scores = selection_scores(truth, verdicts.probabilities, verdicts.named) if len(truth) else {}
        return known, losses, {**scores}.get(select)
    verdicts, classes = policy.apply(logits), len(mean.labels)
    losses = log_losses(verdicts.probabilities, truth.astype(np.int64))
    counts = answer_counts(truth.astype(np.int64), verdicts.predicted, classes)
    return known, losses, float({**SCORES}[str(select)](counts)) if len(truth) else None


def _paired(gains: Floats, units: NDArray[np.int64]) -> tuple[float, float]:
    """Mean of (N,) differences and its standard error, samples of one unit counted together."""
    if not len(gains):
        return 0.0, 0.0
    mean = _mean(gains)
    sums = np.bincount(np.unique(units, return_inverse=True)[1], weights=gains - mean)
    spread = (sums**2).sum() * len(sums) / max(1, len(sums) - 1)
    return mean, float(np.sqrt(spread) / len(gains))


def _answered(said: Mapping[str, ByView]) -> NDArray[np.bool_]:
    """(N,) whether a task has a known answer."""
    known = [known_rows(next(iter(by_view.values()))) for by_view in said.values()]
    return np.any(known, axis=0)


def _units(said: Mapping[str, ByView]) -> NDArray[np.int64]:
    """(N,) number of the unit that each sample belongs to."""
    first = next(iter(next(iter(said.values())).values()))
    return np.arange(len(first)) if first.groups is None else first.groups
