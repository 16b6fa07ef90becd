"""What there is to show of any measurement of a bundle's answers, on whatever page it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from sfumato.report import figures, thumbnails
from sfumato.report.changes import changes
from sfumato.report.element_frames import element_frame, narrowing_frame
from sfumato.report.evidence import Measured
from sfumato.report.frames import (
    Majority,
    Mistake,
    ReliabilityFrame,
    class_lists,
    confusion,
    headlines,
    reliabilities,
    tail_headlines,
    worst_mistakes,
)
from sfumato.report.more_figures import more_figures
from sfumato.report.risk_coverage import risk_coverage_frame
from sfumato.report.risk_coverage_picture import draw_risk_coverage
from sfumato.report.set_sizes import sets_frame
from sfumato.report.set_sizes_picture import draw_set_sizes
from sfumato.report.sliders import sliders
from sfumato.report.svg import inline, to_svg
from sfumato.report.threshold_table import threshold_frame
from sfumato.report.two_classes import TwoClassFrame, two_class_frame
from sfumato.report.two_classes_picture import draw_precision_recall, draw_thresholds
from sfumato.report.wrong_labels import WrongLabels


@dataclass(frozen=True)
class Drawn:
    """A frame with its picture."""

    frame: Any
    svg: Markup


@dataclass(frozen=True)
class DrawnTwoClasses:
    """Two classes with both their pictures."""

    frame: TwoClassFrame
    curve: Markup
    thresholds: Markup


@dataclass(frozen=True)
class ShownMistake:
    """A wrong answer with its picture."""

    mistake: Mistake
    thumbnail: str | None
    """JPEG data URI; None where the file is missing."""
    path: Path
    overlay: str | None = None
    """The same with what spoke for the answer laid over it; None = that is not known."""


@dataclass(frozen=True)
class ShownWrongLabels:
    """Labels that are likely wrong, the surest with their pictures."""

    frame: WrongLabels
    pictures: list[ShownMistake]


def measurement(
    measured: Measured, majority: Majority, places: Mapping[str, str | None], task: str = "", mark: str = ""
) -> dict[str, Any]:
    """All of it, by the names that measured.html.j2 and the pages that use it have for it.

    Args:
        measured: Of one task.
        majority: What its accuracy is compared with.
        places: Id of a sample -> address of its picture.
        task: Name of the task, of several.
        mark: Keeps the names of its pictures apart from those of the other tasks; empty for the first.
    """
    results = measured.results
    return {
        "of": f": {task}" if task else "",
        "part": measured.part,
        "samples": results.samples,
        "groups": results.groups,
        "headlines": headlines(results, majority),
        "tail_headlines": tail_headlines(results),
        "more_figures": more_figures(results),
        "class_lists": class_lists(results.classes),
        "long_tailed": results.long_tailed,
        "trained": any(row.trained is not None for row in results.classes),
        "classes": len(results.classes),
        "confusion": confusion(results),
        "elements": element_frame(results),
        "narrowing": narrowing_frame(results),
        "reliabilities": [_reliability(frame, turn, mark) for turn, frame in enumerate(reliabilities(measured))],
        "before": "the likeliest class, always answered, as sure as softmax is",
        "changes": changes(measured),
        "risk_coverage": _risk_coverage(measured, mark),
        "sets": _sets(measured, mark),
        "thresholds": threshold_frame(measured),
        "two_classes": _two_classes(measured, mark),
        "sliders": tuple(sliders(measured)),
        "mark": mark,
        "mistakes": shown_mistakes(worst_mistakes(measured), places),
        "wrong": int((measured.verdicts.predicted != measured.predictions.truth).sum()),
    }


def drawn_inline(figure: Figure, name: str, mark: str, title: str) -> Markup:
    """A figure for a page; `mark` as for `measurement`."""
    return inline(to_svg(figure), f"{name}{'-' if mark else ''}{mark}", title)


def _reliability(frame: ReliabilityFrame, turn: int, mark: str) -> Drawn:
    title = f"Accuracy by confidence: {frame.title}"
    return Drawn(frame, drawn_inline(figures.draw_reliability(frame), f"reliability{turn}", mark, title))


def _risk_coverage(measured: Measured, mark: str) -> Drawn | None:
    frame = risk_coverage_frame(measured)
    if frame is None:
        return None
    return Drawn(
        frame, drawn_inline(draw_risk_coverage(frame), "risk", mark, "Share of wrong answers by share answered")
    )


def _sets(measured: Measured, mark: str) -> Drawn | None:
    frame = sets_frame(measured)
    if frame is None:
        return None
    return Drawn(
        frame, drawn_inline(draw_set_sizes(frame), "sets", mark, "Images by the number of classes in their set")
    )


def _two_classes(measured: Measured, mark: str) -> DrawnTwoClasses | None:
    frame = two_class_frame(measured)
    if frame is None:
        return None
    curve = drawn_inline(draw_precision_recall(frame), "precision", mark, f"Precision against recall: {frame.name}")
    return DrawnTwoClasses(
        frame, curve, drawn_inline(draw_thresholds(frame), "threshold", mark, f"F1 by threshold: {frame.name}")
    )


def shown_mistakes(found: Sequence[Mistake], places: Mapping[str, str | None]) -> list[ShownMistake]:
    """Mistakes with their pictures; `places` as for `measurement`."""
    paths = [places.get(mistake.id) or "" for mistake in found]
    return [
        ShownMistake(mistake, thumbnails.of_file(path), Path(path)) for mistake, path in zip(found, paths, strict=True)
    ]


def shown_wrong_labels(found: WrongLabels | None, places: Mapping[str, str | None]) -> ShownWrongLabels | None:
    """The surest with their pictures; `places` as for `measurement`."""
    return None if found is None else ShownWrongLabels(found, shown_mistakes(found.shown, places))
