"""Figures of ranking over all classes, with intervals. A class is sorted once, however often it is resampled.

A resample weighs the samples. Its AUC and average precision are made of sums of those weights between the scores that
the class's own samples have, which is one product of matrices. Of more than STEPS such scores neighbours are put
together in the resamples: those give the spread, and the figure itself is of every score.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.average_precision import all_point, eleven_point, step
from sfumato.metrics.intervals import Interval, mean_worth, percentiles, wilson
from sfumato.metrics.labelled import Class, Labelled
from sfumato.metrics.resampling import Resamples, resample
from sfumato.metrics.roc import Cuts, Ranked, Roc, area, equal_error_rate, over, roc

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Statistic = Callable[[Roc], Floats]
Average = Literal["macro", "weighted", "micro"]

STEPS = 256


@dataclass(frozen=True)
class Figure:
    """A figure over all classes."""

    statistic: Statistic
    """Of one class; nan where it has no value."""
    average: Average
    """macro: mean over the classes that have a value. weighted: the same, each as often as it has samples. micro: of
    all pairs of a sample and a class as if they were one class's, so scores are compared between classes."""
    leans: bool = False
    """Whether chance raises it, the more the fewer samples: what resamples lie above the figure on average is taken off
    them, as in `intervals.sample_interval`."""


FIGURES: Mapping[str, Figure] = {
    "auc": Figure(area, "macro"),
    "auc_weighted": Figure(area, "weighted"),
    "auc_micro": Figure(area, "micro"),
    "map": Figure(all_point, "macro", leans=True),
    "map_step": Figure(step, "macro", leans=True),
    "map_11_point": Figure(eleven_point, "macro", leans=True),
    "eer": Figure(equal_error_rate, "macro"),
}
"""Of each class against all others: AUC as scikit-learn's roc_auc_score, average precision in three forms, and EER."""


def by_class(data: Labelled, statistic: Statistic) -> Floats:
    """(C,) a statistic of each class against all others; nan where it has no value."""
    found = (_roc(Ranked.of(one.scores), Ranked.of(one.scores[one.own])) for one in data.each_class())
    return np.array([float(statistic(one)) for one in found])


def figure(data: Labelled, wanted: Figure) -> float:
    """A figure of N samples; nan where no class has a value.

    Scikit-learn's of the same average, of the classes that have a sample (AUC: and others without).
    """
    if wanted.average == "micro":
        return float(wanted.statistic(_pooled(data)))
    values = by_class(data, wanted.statistic)
    weights = data.support if wanted.average == "weighted" else np.ones(data.classes)
    there = ~np.isnan(values)
    return float(over(np.array((values[there] * weights[there]).sum()), np.array(weights[there].sum())))


def figures(
    data: Labelled,
    groups: Integers | None = None,
    wanted: Mapping[str, Figure] = FIGURES,
    resamples: Resamples | None = None,
) -> dict[str, Interval]:
    """Figures with intervals, by name; those without a value are left out.

    In a resample without a sample of some class the mean is over the others. Where no resample differs, because the
    classes are parted without a mistake or all samples are of one group, the interval is Wilson's, of as many samples
    as `intervals.score_interval` counts there.

    Args:
        data: N samples, C classes.
        groups: (N,) number of the group each sample belongs to, resampled whole; None = each is on its own.
        wanted: Name -> figure.
        resamples: Of the samples; None = drawn here.
    """
    drawn = resamples or resample(len(data), groups, data.classes)
    sums = _summed(data, drawn, wanted)
    return {
        name: drawn_interval(value, _righted(draws[~np.isnan(draws)], value, wanted[name]), data, groups)
        for name, (value, draws) in sums.items()
        if not np.isnan(value)
    }


def drawn_figure(data: Labelled, wanted: Figure, drawn: Resamples) -> Floats:
    """(R,) a figure in every resample, with what chance raises it by; nan where it has no value."""
    return _summed(data, drawn, {"": wanted})[""][1]


def _summed(data: Labelled, drawn: Resamples, wanted: Mapping[str, Figure]) -> dict[str, tuple[float, Floats]]:
    """Name -> its value, and (R,) that of every resample."""
    means = {name: _Mean(one) for name, one in wanted.items() if one.average != "micro"}
    pool = {name: one for name, one in wanted.items() if one.average == "micro"}
    pooled = _Pool(data, drawn) if pool else None
    for one in data.each_class():
        everyone, mine = _ranked(one, drawn.unit)
        if means:
            _add(means, everyone, mine, drawn)
        if pooled:
            pooled.add(everyone, mine)
    found = {name: mean.result() for name, mean in means.items()}
    return found | ({name: pooled.result(one.statistic) for name, one in pool.items()} if pooled else {})


class _Mean:
    """A mean over classes that are added one by one: in all samples, and in every resample."""

    def __init__(self, of: Figure) -> None:
        self.of = of
        self.parts: Floats = np.zeros(2)
        self.drawn: Floats = np.zeros((2, 1))

    def add(self, value: Floats, support: Floats, draws: Floats, supports: Floats) -> None:
        """A class with its samples: () of both, then (R,) of both."""
        self.parts = self.parts + self._weighed(value, support)
        self.drawn = self.drawn + self._weighed(draws, supports)

    def result(self) -> tuple[float, Floats]:
        return float(over(*map(np.asarray, self.parts))), over(*self.drawn)

    def _weighed(self, values: Floats, supports: Floats) -> Floats:
        weights = np.where(np.isnan(values), 0.0, supports if self.of.average == "weighted" else 1.0)
        return np.stack([np.nan_to_num(values) * weights, weights])


class _Pool:
    """All pairs of a sample and a class as one class, whose scores are counted class by class."""

    def __init__(self, data: Labelled, drawn: Resamples) -> None:
        self.exact, self.resamples = _pooled(data), drawn
        self.cuts = Cuts.at(np.sort(data.own_scores()), STEPS)
        self.everyone, self.mine = (np.zeros((2 * len(self.cuts.low) + 1, len(drawn.drawn))) for _ in range(2))

    def add(self, everyone: Ranked, mine: Ranked) -> None:
        """A class's samples."""
        everyone.add_to(self.everyone, self.cuts)
        mine.add_to(self.mine, self.cuts)

    def result(self, statistic: Statistic) -> tuple[float, Floats]:
        value, rough = statistic(self.exact), statistic(roc(self.everyone.sum(axis=1), self.mine.sum(axis=1)))
        draws = statistic(roc(self.everyone @ self.resamples.drawn, self.mine @ self.resamples.drawn))
        return float(value), _moved(draws, value, rough)


def _add(means: dict[str, _Mean], everyone: Ranked, mine: Ranked, drawn: Resamples) -> None:
    """One class; each statistic of it is computed once, whatever it is averaged by."""
    coarse = Cuts.at(mine.scores, STEPS)
    exact, rough = _roc(everyone, mine), _roc(everyone, mine, coarse)
    resampled = roc(everyone.drawn(coarse, drawn), mine.drawn(coarse, drawn))
    for statistic in {mean.of.statistic for mean in means.values()}:
        value = statistic(exact)
        draws = _moved(statistic(resampled), value, statistic(rough))
        for mean in means.values():
            if mean.of.statistic is statistic:
                mean.add(value, exact.support, draws, resampled.support)


def _ranked(one: Class, unit: Integers) -> tuple[Ranked, Ranked]:
    units = unit if one.rows is None else unit[one.rows]
    return Ranked.of(one.scores, units), Ranked.of(one.scores[one.own], units[one.own])


def _roc(everyone: Ranked, mine: Ranked, cuts: Cuts | None = None) -> Roc:
    cuts = cuts or Cuts.at(mine.scores)
    return roc(everyone.counts(cuts), mine.counts(cuts))


def _pooled(data: Labelled) -> Roc:
    """All pairs of a sample and a class as one class."""
    return _roc(Ranked.of(data.known_scores()), Ranked.of(data.own_scores()))


def _moved(draws: Floats, value: Floats, rough: Floats) -> Floats:
    """Draws of scores that were put together, about the value of those that were not."""
    return draws if value == rough or np.isnan(rough) else np.clip(draws + (value - rough), 0, 1)


def _righted(draws: Floats, value: float, of: Figure) -> Floats:
    return np.clip(draws - (draws.mean() - value), 0, 1) if of.leans and len(draws) else draws


def drawn_interval(value: float, draws: Floats, data: Labelled, groups: Integers | None) -> Interval:
    """Interval of a figure from (R,) that of resamples; Wilson's where none differs, as `figures` has it."""
    if not len(draws) or np.ptp(draws) < 1e-12:  # no resample differs
        return wilson(min(1.0, max(0.0, value)), _worth(data, groups))
    return percentiles(value, draws)


def _worth(data: Labelled, groups: Integers | None) -> float:
    rows, classes = np.nonzero(data.truth == 1) if data.several else (np.arange(len(data)), data.truth)
    return mean_worth(classes.astype(np.int64), rows if groups is None else groups[rows], data.classes)
