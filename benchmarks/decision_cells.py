"""The cells of the tables of `decisions.py`: each of one decision on one part of the test."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from decision_claims import Decided, band, tail
from sfumato.metrics.intervals import Interval, share_interval

Cell = Callable[[Decided, str], str]
Rows = NDArray[np.bool_]
RAREST = 3


def score(name: str, *, percent: bool = False, signed: bool = False) -> Cell:
    def cell(row: Decided, part: str) -> str:
        return interval(row.score(name, part), percent=percent, signed=signed)

    return cell


def interval(found: Interval | None, *, percent: bool = False, signed: bool = False) -> str:
    if found is None:
        return ""
    form = ("{:+" if signed else "{:") + (".1f}" if percent else ".3f}")
    value, low, high = (form.format(100 * one if percent else one) for one in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def wrong(row: Decided, part: str) -> str:
    right = row.score("accuracy_answered", part) or row.score("accuracy", part)
    return "" if right is None else interval(Interval(1 - right.value, 1 - right.high, 1 - right.low), percent=True)


def promised_error(row: Decided, _: str) -> str:
    abstention = row.policy.abstention
    if abstention is None or abstention.error is None:
        return ""
    if abstention.bound is None:
        return f"{100 * abstention.error:.1f} on validation"
    kept = "" if abstention.reached else "; what was asked is out of reach"
    return f"at most {100 * abstention.bound:.1f}{kept}"


def sure_from(row: Decided, _: str) -> str:
    abstention = row.policy.abstention
    return "" if abstention is None else f"{abstention.by} {abstention.threshold:.3f}"


def answers_from(row: Decided, _: str) -> str:
    """The threshold of two classes with the range of resamples of validation; of more the lowest and the highest."""
    thresholds = row.policy.thresholds
    if thresholds is None:
        return ""
    first = thresholds.fitted.classes[0]
    if thresholds.positive is not None:
        return f"{first.threshold:.3f} [{first.low:.3f}, {first.high:.3f}]"
    values = [one.threshold for one in thresholds.fitted.classes]
    return f"{min(values):.3f} to {max(values):.3f}"


def named_rightly(row: Decided, part: str) -> str:
    """Of the class that has a threshold; of more classes the least, and the rarest."""
    return _of_named(row, part, lambda named, there: (there, named))


def found_of_class(row: Decided, part: str) -> str:
    return _of_named(row, part, lambda named, there: (named, there))


def _of_named(row: Decided, part: str, looked_for: Callable[[Rows, Rows], tuple[Rows, Rows]]) -> str:
    """Share of some samples among others, of each class that is shown and has any of the others."""
    said, thresholds = row.said[part], row.policy.thresholds
    if thresholds is None:
        return ""
    verdicts = row.policy.apply(said.logits)
    given = np.where(verdicts.abstained, -1, verdicts.predicted)
    shares: dict[str, Interval] = {}
    for place in thresholds.places:
        what, among = looked_for(given == place, said.truth == place)
        if not among.any():
            continue
        groups = None if said.groups is None else said.groups[among]
        shares[said.labels.names[place]] = share_interval(what[among], groups)
    if thresholds.positive is not None:
        return interval(*shares.values(), percent=True)
    rarest = [row.results[part].classes[index].name for index in tail(row.results[part], RAREST)]
    least = min(shares, key=lambda name: shares[name].value)
    listed = (name for name in dict.fromkeys([least, *rarest]) if name in shares)
    return "; ".join(f"{name} {interval(shares[name], percent=True)}" for name in listed)


def answered(row: Decided, part: str) -> str:
    return interval(row.score("coverage", part), percent=True) or "100"


def chance(row: Decided, part: str) -> str:
    """The least that chance leaves to the coverage of sets; not of a part where nothing is promised."""
    sets = row.policy.sets
    if sets is None or part != row.like or set(sets.scopes) != {"all"}:
        return ""
    return f"{100 * band(row, sets.alpha)[0]:.1f}"


def empty(row: Decided, part: str) -> str:
    sets = row.policy.apply(row.said[part].logits).sets
    return "" if sets is None else f"{100 * (~sets.any(axis=1)).mean():.1f}"


def rare_sets(row: Decided, part: str) -> str:
    results = row.results[part]
    rows = [results.classes[index] for index in tail(results, min(RAREST, len(results.classes) - 1))]
    found = ((one.name, one.set_coverage, one.set_size) for one in rows)
    return "; ".join(f"{name} {100 * held.value:.0f} ({size.value:.2f})" for name, held, size in found if held and size)


def gain(score: str) -> Cell:
    def cell(row: Decided, part: str) -> str:
        return interval(row.gain(score, part), percent=True, signed=True)

    return cell


def tail_recall(row: Decided, part: str) -> str:
    results = row.results[part]
    rows = [results.classes[index] for index in tail(results, min(RAREST, len(results.classes) - 1))]
    return "; ".join(f"{one.name} {100 * one.recall:.0f}" for one in rows)
