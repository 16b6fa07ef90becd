"""The plan as rows and as a table of plain text: what every track is from each moment on at which something changes."""

from collections.abc import Sequence
from itertools import pairwise
from textwrap import wrap
from typing import Any

from torch import nn

from sfumato.report.lanes import has_effect, step_at, value_at
from sfumato.report.learning import table_text
from sfumato.report.wording import TRACK_NAMES, many, moment, rate
from sfumato.short import short
from sfumato.training.parameters import learnable
from sfumato.training.plan import Plan

_HEADS = {
    "lr_scale": "lr x",
    "image_size": "px",
    "batch_size": "batch",
    "augment": "augment",
    "sampler_power": "sampler",
    "label_smoothing": "smooth",
    "mixup_alpha": "mixup",
    "cutmix_alpha": "cutmix",
    "mix_probability": "mixing",
    "cutmix_share": "share",
    "ema_decay": "ema",
}
_COLUMNS = 100
_ALWAYS = ("image_size", "batch_size")


def plan_rows(plan: Plan, model: nn.Module) -> list[dict[str, Any]]:
    """One JSON-ready row for every moment at which something begins or ends to change.

    Keys: `epoch` (from 0, may be a fraction), `step`, `changes` (tracks that jump, begin or end a ramp there; `learn`;
    `warmup` where it ends), `ramps` (track -> the value and epoch it is on its way to), `lr`, every numeric track by
    its recipe name, `learn` (pattern -> learning-rate scale, 0 = frozen), `learning` and `parameters` (numbers in
    the parameters that learn, and in all).
    """
    return [_row(plan, model, at) for at in plan.moments()]


def plan_text(plan: Plan, model: nn.Module) -> str:
    """The phases as an aligned table of plain text; tracks that never do anything have no column."""
    rows = plan_rows(plan, model)
    tracks = [name for name in TRACK_NAMES if name in _ALWAYS or has_effect(plan, name)]
    cells = [["epoch", "lr", "learns", *(_HEADS[name] for name in tracks)]]
    cells += [[*_first_cells(row), *(_cell(row, name) for name in tracks)] for row in rows]
    cells.append([str(plan.clock.epochs), rate(plan.at(plan.steps - 1).lr), "", *([""] * len(tracks))])
    learning = [f"{moment(change.begin):>5}  {table_text(change.value)}" for change in plan.learn]
    lines = [line for text in learning for line in wrap(text, _COLUMNS, subsequent_indent=" " * 7)]
    total = f"{short(rows[0]['parameters'])} parameters; what learns from which epoch on:"
    return "\n".join([headline(plan), "", *_aligned(cells), "", total, *lines, ""])


def headline(plan: Plan) -> str:
    """Length of training in one line: epochs, steps, images an epoch (whole batches only)."""
    starts = plan.clock.starts
    lengths = [after - first for first, after in pairwise(starts)]
    images = max(steps * plan.images_at(plan.clock.starts[epoch]) for epoch, steps in enumerate(lengths))
    return f"{many(plan.clock.epochs, 'epoch')}, {many(plan.steps, 'step')}, {many(images, 'image')} an epoch"


def _row(plan: Plan, model: nn.Module, at: float) -> dict[str, Any]:
    learning, parameters = learnable(model, plan.learn_at(at))
    return {
        "epoch": at,
        "step": step_at(plan, at),
        "changes": _changes(plan, at),
        "ramps": _ramps(plan, at),
        "lr": plan.lr_at(at),
        **{name: value_at(plan, name, at) for name in TRACK_NAMES},
        "learn": dict(plan.learn_at(at)),
        "learning": learning,
        "parameters": parameters,
    }


def _changes(plan: Plan, at: float) -> list[str]:
    names = ["learn"] if any(change.begin == at for change in plan.learn) else []
    for name, track in plan.tracks.items():
        if any(at in (segment.start, segment.end) for segment in track.segments):
            names.append(name)
    return [*names, "warmup"] if plan.warmup and at == plan.warmup else names


def _ramps(plan: Plan, at: float) -> dict[str, dict[str, float]]:
    running = {
        name: next((segment for segment in track.segments if segment.start <= at < segment.end), None)
        for name, track in plan.tracks.items()
    }
    return {name: {"to": segment.to, "until": segment.end} for name, segment in running.items() if segment}


def _first_cells(row: dict[str, Any]) -> list[str]:
    return [moment(row["epoch"]), rate(row["lr"]), short(row["learning"])]


def _cell(row: dict[str, Any], name: str) -> str:
    ramps = row["ramps"]
    return f"{row[name]:.3g}->{ramps[name]['to']:.3g}" if name in ramps else f"{row[name]:.6g}"


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Columns flush right, two spaces apart; one where that would be too wide."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    gap = "  " if sum(widths) + 2 * len(widths) <= _COLUMNS + 2 else " "
    return [gap.join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
