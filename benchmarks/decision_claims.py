"""What must hold of decisions, and whether it does: each claim is checked on images that chose nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.conformal.band import coverage_band
from sfumato.decision.policy import Policy
from sfumato.metrics.intervals import Interval
from sfumato.metrics.paired import paired_difference
from sfumato.metrics.results import Results
from sfumato.predictions import Predictions

LEVEL = 0.99
"""Of the bands that chance leaves to a promise; of each of C classes 1 - 0.01 / C."""


@dataclass(frozen=True)
class Decided:
    """One decision of a run."""

    name: str
    policy: Policy
    results: Mapping[str, Results]
    """Part of the test -> its results. The first part is like validation; in a second classes are equally frequent."""
    said: Mapping[str, Predictions]
    """Part -> what the network said of it."""
    validated: int
    """Validation images."""

    @property
    def like(self) -> str:
        """The part that is like validation."""
        return next(iter(self.results))

    def score(self, name: str, part: str | None = None) -> Interval | None:
        """A score of a part, by default of the one that is like validation; None where there is none."""
        return self.results[part or self.like].scores.get(name)

    def gain(self, score: str, part: str) -> Interval:
        """How much more its answers score than the network's likeliest classes, paired."""
        said = self.said[part]
        after, before = self.policy.apply(said.logits).predicted, said.logits.argmax(axis=1)
        return paired_difference(said.truth, after, before, score, said.groups)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Claim:
    """Something that must hold."""

    text: str
    holds: bool


def claims(tables: Mapping[str, list[Decided]]) -> list[Claim]:
    """Those of all tables."""
    rows = [row for table in tables.values() for row in table]
    return [claim for row in rows for claim in _of(row)]


def band(row: Decided, alpha: float, samples: int | None = None) -> tuple[float, float]:
    """Where the share of sets that hold the truth may lie by chance; `samples` of them, by default all of the part."""
    return coverage_band(row.validated, samples or _worth(row.results[row.like]), alpha, LEVEL)


def _worth(results: Results) -> int:
    """Images, or where some belong together the groups they make."""
    return results.groups or results.samples


def _of(row: Decided) -> Iterator[Claim]:
    yield from _calibrated(row)
    yield from _answered(row)
    yield from _sets(row)
    yield from _answers(row)


def _calibrated(row: Decided) -> Iterator[Claim]:
    """Where nothing but calibration was asked for: the interval of the change of log loss does not lie above 0."""
    change, policy = row.score("nll_change"), row.policy
    alone = policy == Policy(calibrator=policy.calibrator, pooling=policy.pooling)
    if alone and policy.calibrator.fitted and change is not None:
        shown = f"{change.value:+.4f} [{change.low:+.4f}, {change.high:+.4f}]"
        yield Claim(f"{row.name}: log loss is not shown to rise ({shown})", change.low <= 0)


def _answered(row: Decided) -> Iterator[Claim]:
    abstention = row.policy.abstention
    if abstention is None:
        return
    right = row.score("accuracy_answered") or row.score("accuracy")
    answered = row.score("coverage") or Interval(1.0, 1.0, 1.0)
    if abstention.bound is not None and right is not None:
        wrong, most = _percent(1 - right.value), _percent(abstention.bound)
        yield Claim(
            f"{row.name}: {wrong} of the answers are wrong, promised {most}", 1 - right.high <= abstention.bound
        )
    if abstention.max_error is None:
        low, high = band(row, 1 - abstention.coverage)
        text = f"{row.name}: {_percent(answered.value)} answered, by chance {_percent(low)} to {_percent(high)}"
        yield Claim(text, low <= answered.value <= high)


def _sets(row: Decided) -> Iterator[Claim]:
    """Fewer than chance leaves may not hold the truth; more may, where many scores are equal."""
    sets, held = row.policy.sets, row.score("set_coverage")
    if sets is None or held is None:
        return
    if set(sets.scopes) == {"all"}:
        low, high = band(row, sets.alpha)
        shown = f"{_percent(held.value)} of the sets hold the truth, by chance {_percent(low)} to {_percent(high)}"
        yield Claim(f"{row.name}: {shown}", held.value >= low)
        return
    for part, results in row.results.items():
        short = [name for name, share, low in class_coverages(row, results) if share < low]
        text = f"{row.name}: sets hold every class as often as promised ({part})"
        yield Claim(f"{text}; not {', '.join(short)}" if short else text, not short)


def class_coverages(row: Decided, results: Results) -> Iterator[tuple[str, float, float]]:
    """Each class that has its own promise: name, share of its sets that hold it, the least that chance leaves."""
    sets = row.policy.sets
    assert sets is not None
    level = 1 - (1 - LEVEL) / len(sets.counts)
    worth = _worth(results) / results.samples
    for one, scope, count in zip(results.classes, sets.scopes, sets.counts, strict=True):
        if scope == "class" and one.set_coverage is not None:
            samples = max(1, round(worth * one.support))
            yield one.name, one.set_coverage.value, coverage_band(count, samples, sets.alpha, level)[0]


def _answers(row: Decided) -> Iterator[Claim]:
    """Costs do not rise; where classes are equally frequent what makes up for that raises the score that shows it."""
    cost = row.score("cost_change")
    if cost is not None:
        yield Claim(f"{row.name}: an answer is not shown to cost more ({cost.value:+.3f})", cost.low <= 0)
    parts = list(row.results)
    if len(parts) > 1 and (row.policy.adjustment or row.policy.shift):
        gain = row.gain("macro_f1", parts[1])
        yield Claim(f"{row.name}: macro-F1 rises where classes are equally frequent ({gain.value:+.4f})", gain.low > 0)


def tail(results: Results, rarest: int) -> NDArray[np.int64]:
    """Indices of the classes with fewest training images."""
    return np.argsort([row.trained or 0 for row in results.classes], kind="stable")[:rarest]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
