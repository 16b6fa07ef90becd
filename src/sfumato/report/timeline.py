"""The plan before anything is trained: rows for machines, a table for the terminal, a picture for the wall."""

from pathlib import Path

from matplotlib.figure import Figure
from torch import nn

from sfumato.report.clips import clip_lanes
from sfumato.report.lanes import off_tracks, rate_lane, track_lanes
from sfumato.report.learning import learning_bars
from sfumato.report.plan_table import headline, plan_rows, plan_text
from sfumato.report.png import write_png
from sfumato.report.svg import to_svg
from sfumato.report.timeline_picture import TimelineFrame, draw_timeline
from sfumato.report.wording import LANES
from sfumato.training.plan import Plan

__all__ = ["plan_figure", "plan_rows", "plan_text", "timeline_frame", "write_plan"]


def plan_figure(plan: Plan, model: nn.Module) -> Figure:
    """The picture of the timeline, 900 pixels wide at 96 dots an inch."""
    return draw_timeline(timeline_frame(plan, model))


def timeline_frame(plan: Plan, model: nn.Module) -> TimelineFrame:
    """All that the picture shows."""
    lanes = {**{lane.track: lane for lane in track_lanes(plan)}, **clip_lanes(plan)}
    return TimelineFrame(
        headline(plan),
        plan.clock.epochs,
        plan.keyframes,
        rate_lane(plan),
        learning_bars(plan, model),
        tuple(lanes[name] for name in LANES if name in lanes),
        off_tracks(plan),
    )


def write_plan(plan: Plan, model: nn.Module, folder: Path) -> None:
    """Write plan.txt, plan.svg and plan.png, which has twice the pixels; the same plan gives the same bytes."""
    (folder / "plan.txt").write_text(plan_text(plan, model), encoding="utf-8")
    (folder / "plan.svg").write_text(to_svg(plan_figure(plan, model)), encoding="utf-8")
    write_png(plan_figure(plan, model), folder / "plan.png")
