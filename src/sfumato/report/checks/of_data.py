"""Checks of the data: relatives on both sides, what could not be used, labels that are likely wrong."""

from collections.abc import Iterator

from sfumato.data.health.usable import NO_LABEL
from sfumato.data.splits.leaks import REFUSED_ABOVE, find_leaks
from sfumato.report.checks.check import Check, judged, skipped
from sfumato.report.evidence import Evidence
from sfumato.report.wording import many, percent
from sfumato.report.wrong_labels import WrongLabels

WRONG = 0.01
"""Share of labels estimated to be wrong from which on it is worth a warning."""


def data_checks(evidence: Evidence) -> Iterator[Check]:
    """Those of the whole run."""
    yield _leaks(evidence)
    unlabelled = sum(row["problem"] == NO_LABEL for row in evidence.bad)
    broken = len(evidence.bad) - unlabelled
    text = f"{many(broken, 'picture')} can't be used"
    if unlabelled:
        text += f"; {many(unlabelled, 'other')} had no label, and took no part"
    yield judged("left-out", text, wrong=bool(broken))


def label_check(wrong: WrongLabels | None) -> Check:
    """That of one task."""
    code = "likely-wrong-labels"
    if wrong is None:
        return skipped(code, "no label of an image that was not learned from")
    if not wrong.judged:
        return skipped(code, "of no class half of the images are found: there is nothing to judge labels by")
    text = f"{len(wrong.labels)} of {many(wrong.judged, wrong.unit)}; {percent(wrong.share)} are estimated to be wrong"
    if wrong.unjudged:
        text += (
            f"; labels of {many(len(wrong.unjudged), 'class')} can't be judged, for too few of their images are found"
        )
    return judged(code, text, wrong=bool(wrong.labels) and wrong.share >= WRONG)


def _leaks(evidence: Evidence) -> Check:
    table = evidence.prepared.table
    parts = set(table.rows["part"].to_list())
    if not parts & {"val", "test"}:
        return skipped("leak", "all images were trained on")
    leaks = find_leaks(table)
    if leaks:
        text = "; ".join(_told(one.kind, one.part, len(one.ids), one.share) for one in leaks)
        return judged("leak", text, wrong=any(one.share > REFUSED_ABOVE for one in leaks))
    sought = evidence.prepared.recipe.data.split.near_duplicates == "together"
    copies = "no near-duplicate" if sought else "near-duplicates were not looked for (data.split.near_duplicates)"
    return judged("leak", f"no group is on both sides; {copies}", wrong=False)


def _told(kind: str, part: str, count: int, share: float) -> str:
    relatives = "of their group" if kind == "groups" else "that look nearly the same"
    return f"{many(count, f'{part} image')} ({percent(share)}) have images {relatives} in another part"
