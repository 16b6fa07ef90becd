"""The page of an evaluation: one self-contained HTML file, which needs no network and no other file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfumato.predict.explainer import Explainer
from sfumato.report.evidence import AnyMeasured, LabelsMeasured, Measured
from sfumato.report.frames import Majority
from sfumato.report.label_measurement import label_measurement
from sfumato.report.label_verdict import label_verdict
from sfumato.report.measurement import measurement, shown_wrong_labels
from sfumato.report.overlays import explained
from sfumato.report.templates import templates
from sfumato.report.unkept import unkept
from sfumato.report.verdict import failures, trust_in_confidence
from sfumato.report.wording import many, percent
from sfumato.report.wrong_labels import WrongLabels, write_wrong_labels, wrong_labels

LISTED = 20
"""Pictures that can't be used are listed up to this many."""


@dataclass(frozen=True)
class Page:
    """All that the page shows."""

    name: str
    """Of the data."""
    measured: Mapping[str, AnyMeasured]
    """Task -> its measurement; of an only one under the empty name."""
    images: Mapping[str, str | None]
    """Id of a sample -> address of its picture."""
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    bad: tuple[tuple[str, str], ...]
    """Address and problem of each picture that can't be used."""
    facts: Mapping[str, str]
    explainer: Explainer | None = None
    """What the network can say of its mistakes; None = nothing."""


def write_page(path: Path, page: Page) -> None:
    """Write the page, and beside it the labels that are likely wrong."""
    path.write_text(render(page), encoding="utf-8")
    write_wrong_labels(path.parent, wrong_labels_of(page), page.images)


def render(page: Page) -> str:
    """The page as HTML."""
    shown = [_measured(page, task, turn) for turn, task in enumerate(page.measured)]
    wrong = {task: shown_wrong_labels(one, page.images) for task, one in wrong_labels_of(page).items()}
    template = templates().get_template("evaluation.html.j2")
    said = verdicts(page.measured)
    return template.render(page=page, measurements=shown, verdict=said, bad=page.bad[:LISTED], wrong=wrong)


def _measured(page: Page, task: str, turn: int) -> dict[str, Any]:
    """What there is to show of a task, the `turn`-th of them."""
    found = page.measured[task]
    shown = (
        label_measurement(found, page.images)
        if isinstance(found, LabelsMeasured)
        else measurement(found, majority_of(found), page.images, task, str(turn or ""))
    )
    return {**shown, "mistakes": explained(shown["mistakes"], page.explainer, page.images, task)}


def wrong_labels_of(page: Page) -> dict[str, WrongLabels | None]:
    """Task -> labels that are likely wrong."""
    return {task: wrong_labels({found.part: found.predictions}) for task, found in page.measured.items()}


def verdicts(measured: Mapping[str, AnyMeasured]) -> list[str]:
    """What came out, in plain sentences; each task begun by its name where there are several."""
    said: list[str] = []
    for task, found in measured.items():
        if isinstance(found, LabelsMeasured):
            said += label_verdict(found)
            continue
        first = reach(found)
        said += [
            f"{task}: {first}" if task else first,
            failures(found.results),
            trust_in_confidence(found),
            *unkept(found),
        ]
    return said


def reach(measured: Measured) -> str:
    """What it reaches, with its interval, against always naming one class."""
    accuracy, majority = measured.results.scores["accuracy"], majority_of(measured)
    text = (
        f"On {many(measured.results.samples, 'labelled image')} it names the right class in {percent(accuracy.value)} "
        f"of cases (95 % interval {percent(accuracy.low)} to {percent(accuracy.high)}); always answering "
        f"“{majority.name}” would reach {percent(majority.share)}"
    )
    return f"{text}." if accuracy.low > majority.share else f"{text}, so it is not shown to do better than that."


def majority_of(measured: Measured) -> Majority:
    """The class most frequent in training; where that is not known, here."""
    results = measured.results
    row = max(results.classes, key=lambda row: (row.trained or 0, row.support))
    return Majority(row.name, row.support / max(1, results.samples))
