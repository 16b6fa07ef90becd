"""The page of a cascade: how samples flow through it, where they go wrong, what each stage reaches and costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sfumato.metrics.cascade_results import CascadeResults, FlatComparison
from sfumato.report.cascade_frames import (
    STAGES,
    against_flat,
    cost_rows,
    end_rows,
    flow,
    gate_words,
    stage_rows,
    verdict,
)
from sfumato.report.cascade_picture import draw_flow, draw_gate_costs
from sfumato.report.evaluation_page import LISTED, majority_of
from sfumato.report.evidence import AnyMeasured, LabelsMeasured
from sfumato.report.label_measurement import label_measurement
from sfumato.report.measurement import measurement
from sfumato.report.svg import inline, to_svg
from sfumato.report.templates import templates


@dataclass(frozen=True)
class GateChoice:
    """How the gate's threshold was chosen."""

    threshold: float
    curve: tuple[tuple[float, float], ...]
    """(threshold, mean cost)."""
    facts: Mapping[str, str]
    """What else was chosen, in words."""


@dataclass(frozen=True)
class CascadePage:
    """All that the page shows."""

    name: str
    over: str
    """What kind of page it is."""
    results: CascadeResults
    chose: GateChoice | None
    """Where these samples chose the thresholds; None = they did not."""
    flat: FlatComparison | None
    measured: Mapping[str, AnyMeasured]
    """Stage behind the gate -> its measurement by itself."""
    images: Mapping[str, str | None]
    """Id of a sample -> address of its picture."""
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    bad: tuple[tuple[str, str], ...]
    """Address and problem of each picture that can't be used."""
    facts: Mapping[str, str]


def write_page(path: Path, page: CascadePage) -> None:
    """Write the page: one self-contained HTML file, which needs no network and no other file."""
    path.write_text(render(page), encoding="utf-8")


def render(page: CascadePage) -> str:
    """The page as HTML."""
    said = verdict(page.results, chose=page.chose is not None)
    return (
        templates()
        .get_template("cascade.html.j2")
        .render(
            page=page,
            verdict=[*said, *([against_flat(page.flat)] if page.flat else [])],
            flow=inline(to_svg(draw_flow(flow(page.results))), "flow", "How samples flow through the cascade"),
            ends=end_rows(page.results),
            stages=stage_rows(page.results),
            gate_words=gate_words(page.results),
            costs=cost_rows(page.results),
            seconds=sum(row.seconds for row in cost_rows(page.results)),
            curve=_curve(page.chose),
            measurements=[_shown(role, found, page, turn) for turn, (role, found) in enumerate(page.measured.items())],
            bad=page.bad[:LISTED],
        )
    )


def _curve(chose: GateChoice | None) -> Markup | None:
    if chose is None or not chose.curve:
        return None
    figure = draw_gate_costs(chose.curve, chose.threshold)
    return inline(to_svg(figure), "gate-costs", "Mean cost by the threshold of the gate")


def _shown(role: str, found: AnyMeasured, page: CascadePage, turn: int) -> dict[str, Any]:
    """What there is to show of one stage."""
    name = STAGES[role].lower()
    if isinstance(found, LabelsMeasured):
        return {**label_measurement(found, page.images), "of": f": {name}"}
    return measurement(found, majority_of(found), page.images, name, str(turn + 1))
