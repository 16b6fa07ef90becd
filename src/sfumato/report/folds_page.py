"""The page of a cross-validation: one self-contained HTML file, made from its summary, that a person looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sfumato.metrics.ablation import Ablation
from sfumato.metrics.folds import FoldSummary
from sfumato.metrics.multilabel_results import AnyResults, MultilabelResults, results_from_dict
from sfumato.metrics.results import Results
from sfumato.report.element_frames import element_frame
from sfumato.report.folds_picture import draw_folds
from sfumato.report.folds_summary import fold_scores_of
from sfumato.report.frames import Majority, class_lists, confusion, headlines, tail_headlines
from sfumato.report.label_frames import label_headlines
from sfumato.report.label_verdict import reached
from sfumato.report.measurement import ShownWrongLabels
from sfumato.report.svg import inline, to_svg
from sfumato.report.templates import templates
from sfumato.report.wording import many, percent
from sfumato.tasks import of_task


@dataclass(frozen=True)
class FoldLine:
    """A row of the table of folds."""

    name: str
    link: str
    """The report of its run, relative to the page."""
    trained: int
    held_out: int
    values: tuple[float | None, ...]
    """In the order of the columns; None = not measured."""


@dataclass(frozen=True)
class FoldTable:
    """The scores of all folds in one task."""

    task: str
    columns: tuple[str, ...]
    rows: tuple[FoldLine, ...]
    means: tuple[tuple[float, float] | None, ...]
    """Mean and standard deviation of each column; None = some fold has no value."""


def write_folds_report(
    path: Path,
    summary: FoldSummary,
    name: str,
    backbone: str,
    links: Sequence[str],
    ablation: Ablation | None = None,
    wrong: Mapping[str, ShownWrongLabels | None] = MappingProxyType({}),
) -> None:
    """Write the page, which needs no network and no other file but for the reports it links to.

    Args:
        path: Of the page.
        summary: What was measured.
        name: Of the recipe.
        backbone: Of its network.
        links: The report of each fold's run, relative to the page.
        ablation: What pictures and texts add to a network of both; None = of another network.
        wrong: Task -> labels that are likely wrong, out of fold.
    """
    path.write_text(render_folds(summary, name, backbone, links, ablation, wrong), encoding="utf-8")


def render_folds(
    summary: FoldSummary,
    name: str,
    backbone: str,
    links: Sequence[str],
    ablation: Ablation | None = None,
    wrong: Mapping[str, ShownWrongLabels | None] = MappingProxyType({}),
) -> str:
    """The page as HTML; arguments as in `write_folds_report`."""
    results = {part: results_from_dict(found, part) for part, found in summary.results.items()}
    template = templates().get_template("folds.html.j2")
    return template.render(
        name=name,
        backbone=backbone,
        summary=summary,
        sentences=sentences(summary),
        picture=inline(to_svg(draw_folds(summary)), "folds", "Scores of all folds", (20, 0)),
        ablation=ablation,
        tables=[fold_table(summary, task, links) for task in summary.unmeasured],
        measurements=[measured_part(part, found) for part, found in results.items()],
        wrong={task: found for task, found in wrong.items() if found is not None},
    )


def sentences(summary: FoldSummary) -> list[str]:
    """What came out, in words."""
    said = [_sentence(part, results_from_dict(document, part)) for part, document in summary.results.items()]
    return [*said, summary.note]


def _sentence(part: str, found: AnyResults) -> str:
    which, _, task = part.partition(".")
    who = (
        f"On {many(found.samples, 'test image')} that no fold has seen, the average of all folds"
        if which == "test"
        else f"On {many(found.samples, 'image')}, each held out once, a network that did not train on it"
    )
    if isinstance(found, MultilabelResults):
        return f"{who} {reached(found.scores)}."
    accuracy, of = found.scores["accuracy"], f" of {task}" if task else ""
    interval = f"95 % interval {percent(accuracy.low)} to {percent(accuracy.high)}"
    return f"{who} names the right class{of} in {percent(accuracy.value)} of cases ({interval})."


def fold_table(summary: FoldSummary, task: str, links: Sequence[str]) -> FoldTable:
    """A row a fold, a column a score, of one task."""
    names = {of_task(name, task): words for name, words in fold_scores_of(summary).items()}
    rows = tuple(
        FoldLine(fold.fold, link, fold.train, fold.held_out, tuple(fold.scores.get(name) for name in names))
        for fold, link in zip(summary.folds, links, strict=True)
    )
    means = tuple((summary.mean[name], summary.std[name]) if name in summary.mean else None for name in names)
    return FoldTable(task, tuple(names.values()), rows, means)


def measured_part(part: str, results: AnyResults) -> dict[str, Any]:
    """What there is to show of the samples out of fold, or of the test part, in one task."""
    which, _, task = part.partition(".")
    return {
        "part": which,
        "of": f": {task}" if task else "",
        "samples": results.samples,
        "groups": results.groups,
        "class_lists": class_lists(results.classes),
        "trained": any(row.trained is not None for row in results.classes),
        **(_of_labels(results) if isinstance(results, MultilabelResults) else _of_classes(results)),
    }


def _of_labels(results: MultilabelResults) -> dict[str, Any]:
    none: dict[str, Any] = {"confusion": None, "elements": None}
    return {"headlines": label_headlines(results), "tail_headlines": (), "long_tailed": False, **none}


def _of_classes(results: Results) -> dict[str, Any]:
    return {
        "headlines": headlines(results, _majority(results)),
        "tail_headlines": tail_headlines(results),
        "long_tailed": results.long_tailed,
        "confusion": confusion(results),
        "elements": element_frame(results),
    }


def _majority(results: Results) -> Majority:
    """The class most frequent in training, and its share of the measured samples."""
    row = max(results.classes, key=lambda row: row.trained or 0)
    return Majority(row.name, row.support / max(1, results.samples))
