"""Checks of what was measured: of the whole against guessing, and of classes against each other."""

from collections.abc import Iterator, Sequence

import numpy as np

from sfumato.metrics.intervals import Interval
from sfumato.metrics.multilabel_results import AnyResults, MultilabelResults
from sfumato.metrics.results import ClassRow, Results
from sfumato.report.checks.check import Check, judged, skipped
from sfumato.report.evidence import AnyMeasured, Evidence
from sfumato.report.frames import majority_class
from sfumato.report.wording import LEAST_SUPPORT, many, percent

COLLAPSED = 0.5
"""Of what is found of all classes, the share below which the rarest are hardly found."""
WIDE = 0.1
"""Width of a 95 % interval of the first score, from which on the images are too few."""
NAMED = 5
"""So many classes are named in a sentence."""


def class_checks(evidence: Evidence, measured: AnyMeasured) -> Iterator[Check]:
    """All of this family, of one task."""
    results = measured.results
    yield _guessing(evidence, results)
    yield _never_named(measured)
    yield _tail(results)
    yield _few_images(results)
    empty = [row for row in results.classes if not row.support]
    yield judged("class-not-measured", f"{_named(empty)} of {len(results.classes)} classes", wrong=bool(empty))


def _guessing(evidence: Evidence, results: AnyResults) -> Check:
    if isinstance(results, MultilabelResults):
        rows = [row for row in results.classes if row.support]
        shares = [row.support / max(1, results.samples if row.known is None else row.known) for row in rows]
        what, score, chance = "mAP", results.scores["map"], float(np.mean(shares)) if shares else 0.0
    else:
        majority = majority_class(evidence, results)
        what, score, chance = "accuracy", results.scores["accuracy"], majority.share
    text = f"{what} {_interval(score)}, against {percent(chance)}"
    return judged("no-better-than-guessing", text, wrong=score.low <= chance)


def _never_named(measured: AnyMeasured) -> Check:
    code, results = "class-never-named", measured.results
    enough = [place for place, row in enumerate(results.classes) if row.support >= LEAST_SUPPORT]
    if not enough:
        return skipped(code, f"no class has {LEAST_SUPPORT} images")
    if isinstance(results, Results):
        times = np.array(results.confusion).sum(axis=0)
    else:
        times = np.asarray(getattr(measured.verdicts, "named")).sum(axis=0)  # noqa: B009
    never = [results.classes[place] for place in enough if not times[place]]
    text = f"{_named(never)} of the {len(enough)} that have at least {LEAST_SUPPORT} images"
    return judged(code, text, wrong=bool(never))


def _tail(results: AnyResults) -> Check:
    code = "tail-collapse"
    if isinstance(results, MultilabelResults):
        return skipped(code, "an image may be of several classes; the table of classes shows each")
    if not results.long_tailed or "tail" not in results.scores:
        return skipped(code, "the classes are not all that differently frequent in training")
    tail, whole = results.scores["tail"], results.scores["accuracy"]
    text = f"of the rarest classes {_interval(tail)} are found, of all images {percent(whole.value)}"
    return judged(code, text, wrong=tail.high < COLLAPSED * whole.value)


def _few_images(results: AnyResults) -> Check:
    score = results.scores["map" if isinstance(results, MultilabelResults) else "accuracy"]
    text = f"of {many(results.samples, 'image')}: {_interval(score)}"
    return judged("few-images", text, wrong=score.high - score.low > WIDE)


def _interval(score: Interval) -> str:
    return f"{percent(score.value)} ({percent(score.low)} to {percent(score.high)})"


def _named(rows: Sequence[ClassRow]) -> str:
    """So many, and what they are called."""
    if not rows:
        return "none"
    names = ", ".join(f"“{row.name}”" for row in rows[:NAMED])
    return f"{len(rows)} ({names}{' and more' if len(rows) > NAMED else ''})"
