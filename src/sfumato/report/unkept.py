"""Promises that the measured images show to be broken, by more than chance: they are not like those of validation."""

from collections.abc import Iterator

from sfumato.decision.conformal.band import coverage_band
from sfumato.decision.conformal.sets import ConformalSets
from sfumato.metrics.results import Results
from sfumato.report.evidence import Measured
from sfumato.report.wording import percent

LEVEL = 0.95


def unkept(measured: Measured) -> tuple[str, ...]:
    """What is broken and what that means, in a paragraph; none on validation, which the promises were made from."""
    said = [] if measured.part == "val" else list(_broken(measured))
    if not said:
        return ()
    return (" ".join([*said, "Chance hardly does that: promises hold for images like those of validation."]),)


def _broken(measured: Measured) -> Iterator[str]:
    results, abstention, sets = measured.results, measured.policy.abstention, measured.policy.sets
    if abstention is not None and abstention.bound is not None:
        yield from _of_answers(results, abstention.bound)
    if sets is not None:
        yield from _of_sets(results, sets)


def _of_answers(results: Results, bound: float) -> Iterator[str]:
    """Of those that are given, if any is."""
    right = results.scores.get("accuracy_answered" if "coverage" in results.scores else "accuracy")
    if right is not None and 1 - right.high > bound:
        yield f"{percent(1 - right.value)} of the answers it gives here are wrong, more than promised."


def _of_sets(results: Results, sets: ConformalSets) -> Iterator[str]:
    """Of all images together, or of each class that has its own promise; the doubt is shared out among the classes."""
    worth = 1.0 if results.groups is None else results.groups / max(1, results.samples)
    if "all" in sets.scopes and len(set(sets.scopes)) == 1 and "set_coverage" in results.scores:
        held = results.scores["set_coverage"].value
        if _below(held, sum(sets.counts), worth * results.samples, sets.alpha, LEVEL):
            yield f"Sets hold the right class in {percent(held)} of cases here, fewer than promised."
    level = 1 - (1 - LEVEL) / len(sets.counts)
    rows = zip(results.classes, sets.scopes, sets.counts, strict=True)
    short = [
        row.name
        for row, scope, count in rows
        if scope == "class"
        and row.set_coverage is not None
        and _below(row.set_coverage.value, count, worth * row.support, sets.alpha, level)
    ]
    if short:
        named = ", ".join(f"“{name}”" for name in short[:3]) + (f" and {len(short) - 3} more" if len(short) > 3 else "")
        yield f"Sets of images of {named} hold it less often than promised."


def _below(share: float, calibrated: int, samples: float, alpha: float, level: float) -> bool:
    """Whether so low a share is more than chance; samples that belong together count as often as their groups."""
    return share < coverage_band(calibrated, max(1, round(samples)), alpha, level)[0]
