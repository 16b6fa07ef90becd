"""What there is to show of a measurement where an image may be of any number of classes, on whatever page it stands."""

from collections.abc import Mapping
from typing import Any

from sfumato.report import figures
from sfumato.report.evidence import LabelsMeasured
from sfumato.report.frames import class_lists
from sfumato.report.label_changes import label_changes
from sfumato.report.label_frames import label_headlines, label_reliabilities, worst_labels, wrong_labels
from sfumato.report.measurement import Drawn, drawn_inline, shown_mistakes
from sfumato.report.more_figures import more_label_figures
from sfumato.report.sliders import sliders
from sfumato.report.threshold_table import label_threshold_frame


def label_measurement(measured: LabelsMeasured, places: Mapping[str, str | None]) -> dict[str, Any]:
    """All of it, by the names that measured.html.j2 and its pages have for it; `places` as for `measurement`."""
    results, wrong = measured.results, wrong_labels(measured).any(axis=1)
    return {
        "of": "",
        "part": measured.part,
        "samples": results.samples,
        "groups": results.groups,
        "headlines": label_headlines(results),
        "tail_headlines": (),
        "more_figures": more_label_figures(results),
        "class_lists": class_lists(results.classes),
        "long_tailed": False,
        "trained": any(row.trained is not None for row in results.classes),
        "classes": len(results.classes),
        "confusion": None,
        "elements": None,
        "narrowing": None,
        "reliabilities": [
            Drawn(frame, drawn_inline(figures.draw_reliability(frame), f"reliability{turn}", "", frame.title))
            for turn, frame in enumerate(label_reliabilities(measured))
        ],
        "before": "every class named from a probability of one half on, as sure as the sigmoid is",
        "changes": label_changes(measured),
        "risk_coverage": None,
        "sets": None,
        "thresholds": label_threshold_frame(measured),
        "two_classes": None,
        "sliders": tuple(sliders(measured)),
        "mark": "",
        "mistakes": shown_mistakes(worst_labels(measured), places),
        "wrong": int(wrong.sum()),
    }
