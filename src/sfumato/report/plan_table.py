"""The plan as rows and as a table of plain text: what every track is from each moment on at which something changes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from torch import nn

from sfumato.report.choice_words import words
from sfumato.report.clips import choices, is_chosen
from sfumato.report.lanes import has_effect, step_at, value_at
from sfumato.report.learning import scale_text
from sfumato.report.wording import CHOICE_NAMES, TRACK_NAMES, many, moment, rate
from sfumato.short import short
from sfumato.spec import Spec
from sfumato.training.parameters import decided, sizes
from sfumato.training.plan import Plan
from sfumato.training.settings import FROZEN
from sfumato.training.timeline import Change, Changes
from sfumato.training.timeline import value_at as found_at

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
    "teacher_forcing": "forcing",
    "ema_decay": "ema",
}
_COLUMNS = 100
_ALWAYS = ("image_size", "batch_size")


def plan_rows(plan: Plan, model: nn.Module) -> list[dict[str, Any]]:
    """One JSON-ready row for every moment at which something begins or ends to change.

    Keys: `epoch` (from 0, may be a fraction), `step`, `images` (of its epoch), `changes` (tracks that jump, begin or
    end a ramp there; `learn`, `head`, `loss` and so on; `head_warmup` where it begins and ends; `warmup` where it
    ends), `ramps` (track -> the value and epoch it is on its way to), `lr`, every track by its recipe name (those that
    are no numbers as in a recipe, null = off), `learn` (pattern -> learning-rate scale, 0 = frozen), `patterns`
    (pattern -> numbers in the parameters it decides over), `learning` and `parameters` (numbers in the parameters that
    learn, and in all).
    """
    return [_row(plan, model, at) for at in plan.moments()]


def plan_text(plan: Plan, model: nn.Module) -> str:
    """The phases as an aligned table of plain text; tracks that never do anything have no column."""
    rows = plan_rows(plan, model)
    tracks = [name for name in TRACK_NAMES if name in _ALWAYS or has_effect(plan, name)]
    cells = [["epoch", "lr", "learns", *(_HEADS[name] for name in tracks)]]
    cells += [[*_first_cells(row), *(_cell(row, name) for name in tracks)] for row in rows]
    cells.append([str(plan.clock.epochs), rate(plan.at(plan.steps - 1).lr), "", *([""] * len(tracks))])
    return "\n".join([headline(plan), "", *_aligned(cells), "", *_chosen_lines(plan), *_learning_lines(rows), ""])


def headline(plan: Plan) -> str:
    """Length of training in one line: epochs, steps, images an epoch (whole batches only)."""
    images = max(_images(plan, epoch) for epoch in range(plan.clock.epochs))
    return f"{many(plan.clock.epochs, 'epoch')}, {many(plan.steps, 'step')}, {many(images, 'image')} an epoch"


def _row(plan: Plan, model: nn.Module, at: float) -> dict[str, Any]:
    numbers, table = sizes(model, plan.head_at(at)), plan.learn_at(at)
    patterns = decided(numbers, table)
    return {
        "epoch": at,
        "step": step_at(plan, at),
        "images": _images(plan, int(at)),
        "changes": _changes(plan, at),
        "ramps": _ramps(plan, at),
        "lr": plan.lr_at(at),
        **{name: value_at(plan, name, at) for name in TRACK_NAMES},
        **{name: _document(found_at(choices(plan)[name], at).value) for name in CHOICE_NAMES},
        "learn": dict(table),
        "patterns": patterns,
        "learning": sum(patterns[pattern] for pattern, scale in table if scale != FROZEN),
        "parameters": sum(numbers.values()),
    }


def _images(plan: Plan, epoch: int) -> int:
    """Images training sees in an epoch."""
    first, after = plan.clock.starts[epoch : epoch + 2]
    return (after - first) * plan.images_at(first)


def _document(choice: object) -> Any:
    return choice.model_dump(mode="json") if isinstance(choice, Spec) else choice


def _changes(plan: Plan, at: float) -> list[str]:
    names = ["learn"] if any(change.begin == at for change in plan.learn) else []
    for name, track in plan.tracks.items():
        if any(at in (segment.start, segment.end) for segment in track.segments):
            names.append(name)
    names += [name for name, found in choices(plan).items() if any(_set_at(change, at) for change in found)]
    names += ["head_warmup"] * any(at in (begin, begin + long) for begin, long in plan.head_warmups)
    return [*names, "warmup"] if plan.warmup and at == plan.warmup else names


def _set_at(change: Change[object], at: float) -> bool:
    """Whether a keyframe sets a choice there; at the start most are as they are without any."""
    return change.begin == at and change.setting.startswith("timeline[")


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


def _chosen_lines(plan: Plan) -> list[str]:
    """Loss, head and the like from each epoch on at which one of them changes; nothing where all are plain."""
    shown = {name: found for name, found in choices(plan).items() if is_chosen(plan, name)}
    moments = sorted({change.begin for found in shown.values() for change in found})
    lines = [f"{moment(at):>5}  {texts}" for at in moments if (texts := "; ".join(_new_texts(shown, at)))]
    return ["what is chosen from which epoch on:", *lines, ""] if lines else []


def _new_texts(shown: Mapping[str, Changes[object]], at: float) -> Iterator[str]:
    for name, found in shown.items():
        for change in found:
            if change.begin == at and (at > 0 or change.value is not None):
                text = words(change.value)[0].replace(" head", "").removeprefix(f"{CHOICE_NAMES[name]} ")
                yield f"{CHOICE_NAMES[name].removeprefix('kind of ')}: {text}"


def _learning_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """One line a pattern, from each epoch on at which the patterns or what they decide over change."""
    lines = [f"{short(rows[0]['parameters'])} parameters; what learns from which epoch on:"]
    wide = max(len(pattern) for row in rows for pattern in row["patterns"])
    former: object = None
    for row in rows:
        now = (row["learn"], {pattern: short(numbers) for pattern, numbers in row["patterns"].items()})
        if now != former:
            starts = [moment(row["epoch"]), *([""] * (len(row["learn"]) - 1))]
            scales = zip(starts, cast(dict[str, float], row["learn"]).items(), strict=True)
            lines += [
                f"{start:>5}  {name:{wide}}  {short(row['patterns'][name]):>5}  {scale_text(scale)}"
                for start, (name, scale) in scales
            ]
        former = now
    return lines


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Columns flush right, two spaces apart; one where that would be too wide."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    gap = "  " if sum(widths) + 2 * len(widths) <= _COLUMNS + 2 else " "
    return [gap.join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
