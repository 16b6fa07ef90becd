"""The report: one self-contained HTML page, made from a run's folder alone, that a person looks at."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from markupsafe import Markup

from sfumato.json_file import write_json
from sfumato.predict.explainer import Explainer, read_explainer
from sfumato.report import figures
from sfumato.report.averages import choices
from sfumato.report.both_sides import both_sides
from sfumato.report.checks.all_checks import checks_of
from sfumato.report.checks.check import Check
from sfumato.report.curves import Chart, charts
from sfumato.report.evidence import AnyMeasured, Evidence, LabelsMeasured, Measured, read_evidence
from sfumato.report.facts import environment_facts, part_rows
from sfumato.report.frames import majority_class
from sfumato.report.label_measurement import label_measurement
from sfumato.report.measurement import Drawn, measurement, shown_wrong_labels
from sfumato.report.overlays import explained
from sfumato.report.rarest import Rarest, rarest
from sfumato.report.rarest_picture import draw_course
from sfumato.report.seen import phase_title, phases
from sfumato.report.svg import inline, to_svg
from sfumato.report.templates import templates
from sfumato.report.timeline import plan_figure
from sfumato.report.timeline_picture import MARGIN
from sfumato.report.tradeoff import trade_off
from sfumato.report.tradeoff_picture import draw_trade_off
from sfumato.report.verdict import verdicts
from sfumato.report.wrong_labels import WrongLabels, write_wrong_labels, wrong_labels
from sfumato.run_folder import RunFolder
from sfumato.withholding import read_ablation

LISTED = 20
"""Pictures that were left out are listed up to this many."""


@dataclass(frozen=True)
class DrawnRarest:
    """The rarest classes with a picture each."""

    frame: Rarest
    svgs: list[Markup]


def write_report(folder: RunFolder) -> Path:
    """Write report.html into a run's folder and return its path.

    It needs no network and no other file. Pictures that are no longer where they were are named in their place.
    """
    looked = look_closer(read_evidence(folder))
    folder.report.write_text(_page(looked), encoding="utf-8")
    write_json(folder.path / "checks.json", [check.to_dict() for check in looked.checks])
    write_wrong_labels(folder.path, looked.wrong, looked.places)
    return folder.report


@dataclass(frozen=True)
class Looked:
    """A run's evidence, with what is computed of its weights, pictures and tables for the page."""

    evidence: Evidence
    explainer: Explainer | None
    wrong: Mapping[str, WrongLabels | None]
    """Task -> labels that are likely wrong."""
    checks: tuple[Check, ...]

    @property
    def places(self) -> dict[str, str | None]:
        """Id of a sample -> address of its picture."""
        table = self.evidence.prepared.table
        return dict(zip(table.ids, table.first_images, strict=True))


def look_closer(evidence: Evidence) -> Looked:
    """Ask the run's weights, where they can be asked, and run the checks."""
    explainer = read_explainer(RunFolder(evidence.folder).bundle)
    wrong = {task: wrong_labels(own.held_out) for task, own in evidence.by_task.items()}
    return Looked(evidence, explainer, wrong, checks_of(evidence, explainer, wrong))


def render(evidence: Evidence) -> str:
    """The page as HTML."""
    return _page(look_closer(evidence))


def _page(looked: Looked) -> str:
    evidence = looked.evidence
    jinja = templates()
    cast(dict[str, Any], jinja.filters)["phase_title"] = phase_title
    measured = [
        _measured(looked, own, own.measured, task, place)
        for place, (task, own) in enumerate(evidence.by_task.items())
        if own.measured
    ]
    return jinja.get_template("template.html.j2").render(_run(evidence), measurements=measured, checks=looked.checks)


def _run(evidence: Evidence) -> dict[str, Any]:
    """What there is to show of any run, measured or not."""
    prepared = evidence.prepared
    plan = prepared.plan
    timeline = inline(
        to_svg(plan_figure(plan, prepared.model)), "timeline", "Timeline of the training", (MARGIN, MARGIN - 10)
    )
    return {
        "recipe": prepared.recipe,
        "recipe_text": (evidence.folder / "recipe.yaml").read_text(encoding="utf-8"),
        "classes": {task: len(space) for task, space in prepared.table.layout.spaces.items()},
        "verdict": verdicts(evidence),
        "timeline": timeline,
        "charts": [_chart(chart) for chart in charts(evidence.history, plan.clock.epochs, plan.keyframes)],
        "averaged": any(row.get(name) is not None for row in evidence.history for name in ("ema_loss", "swa_loss")),
        "choices": choices(evidence),
        "phases": phases(prepared),
        "views": evidence.views,
        "ablation": read_ablation(evidence.folder),
        "both_sides": both_sides(prepared.table),
        "bad": evidence.bad[:LISTED],
        "bad_count": len(evidence.bad),
        "trained_images": len(prepared.table.part("train")),
        "parts": {task: part_rows(own.prepared.table) for task, own in evidence.by_task.items()},
        "facts": environment_facts(evidence),
        "notes": evidence.environment.get("notes", []),
    }


def _measured(looked: Looked, evidence: Evidence, measured: AnyMeasured, task: str, place: int) -> dict[str, Any]:
    """What there is to show of a task; `place` keeps the names of its pictures apart from those of the others."""
    mark, table, places = str(place or ""), evidence.prepared.table, looked.places
    shown = (
        label_measurement(measured, places)
        if isinstance(measured, LabelsMeasured)
        else measurement(measured, majority_class(evidence, measured.results), places, task, mark)
    )
    return {
        **shown,
        "mistakes": explained(shown["mistakes"], looked.explainer, places, task),
        "trade_off": _trade_off(evidence, measured, mark) if isinstance(measured, Measured) else None,
        "rarest": _rarest(evidence, mark),
        "wrong_labels": shown_wrong_labels(looked.wrong[task], places),
        "validated": len(table.part("val")),
    }


def _trade_off(evidence: Evidence, measured: Measured, mark: str) -> Drawn | None:
    policy = measured.policy
    frame = trade_off(evidence.tau_curve, policy.adjustment)
    chosen_otherwise = policy.thresholds is not None and policy.thresholds.positive is not None
    if frame is None or chosen_otherwise:  # its dots are of the likeliest class
        return None
    title = "Accuracy against macro-F1 by strength of logit adjustment"
    return Drawn(frame, inline(to_svg(draw_trade_off(frame)), f"trade-off{mark}", title))


def _rarest(evidence: Evidence, mark: str) -> DrawnRarest | None:
    """One picture a class, in the order of the frame."""
    plan = evidence.prepared.plan
    frame = rarest(evidence.class_history, evidence.history, plan.clock.epochs, plan.keyframes)
    if frame is None:
        return None
    pictures = [
        inline(to_svg(draw_course(course, frame)), f"rarest{mark}-{turn}", f"Recall by epoch: {course.name}")
        for turn, course in enumerate(frame.courses)
    ]
    return DrawnRarest(frame, pictures)


def _chart(chart: Chart) -> Drawn:
    name = chart.title.lower().replace(" ", "-")
    return Drawn(chart, inline(to_svg(figures.draw_chart(chart)), name, f"{chart.title} by epoch"))
