"""The story of a ladder: recipe -> pictures looked at once -> rungs -> the one that is kept -> policy -> bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from sfumato.console import Console
from sfumato.data.views import PLAIN
from sfumato.decided import measure_any
from sfumato.decision.policies import write_thresholds
from sfumato.decision.view_policy import fit_view_policy
from sfumato.free_folder import emptied_on_failure, free_folder
from sfumato.json_file import read_json, write_json
from sfumato.ladders.beginning import begun_from, refuse_idle, warned
from sfumato.ladders.bundle import write_ladder_bundle
from sfumato.ladders.drawing_shots import drawn_shots
from sfumato.ladders.folder import LadderFolder
from sfumato.ladders.judge import Judge
from sfumato.ladders.rungs.shots import Fitted
from sfumato.ladders.space import Space, look
from sfumato.ladders.steps import Part, Tried, climb
from sfumato.metrics.classification import SCORES, ScoreName
from sfumato.metrics.ladder import Standing
from sfumato.multilabel_predictions import AnyPredictions
from sfumato.outcome import write_metrics
from sfumato.preparation.prepare import prepare
from sfumato.preparation.prepared import Prepared
from sfumato.report.ladder_picture import draw_ladder
from sfumato.report.ladder_table import write_ladder_table
from sfumato.report.svg import to_svg
from sfumato.report.threshold_words import threshold_notes
from sfumato.training.device import choose_device, choose_workers
from sfumato.training.machine import Machine
from sfumato.training.records import Noted
from sfumato.training.stopping import uninterrupted


@dataclass(frozen=True)
class Ladder:
    """A finished ladder, read from its folder."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """The deployable result, the rung that was chosen; `sfumato.load` takes it."""
        return LadderFolder(self.folder).bundle

    @cached_property
    def standing(self) -> Standing:
        """How each rung did."""
        path = LadderFolder(self.folder).standing
        return Standing.from_dict(read_json(path), str(path))

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Scores of the chosen rung with intervals: `test`, and `val`, which chose it."""
        return read_json(LadderFolder(self.folder).metrics)


def ladder(
    source: str | Path | Mapping[str, Any],
    *,
    overrides: Mapping[str, Any] | None = None,
    shots: int | None = None,
    out: str | Path | None = None,
    quiet: bool = False,
) -> Ladder:
    """Try light ways to use a trained dual encoder, from its texts alone to linear probes, and keep the best.

    Args:
        source: A recipe of `model.kind: dual_encoder` whose `train.init_from` names a finished run, of other classes if
            need be; or such a run itself, for its own pictures and classes.
        overrides: Recipe path -> value.
        shots: Training pictures of each class that rungs are fitted on; None = all.
        out: A new folder; None = `runs/NAME-ladder`, numbered if need be.
        quiet: Show nothing.

    Raises:
        InputError: Something in the recipe, its data or the arguments is wrong; nothing was written.
    """
    console = Console(quiet=quiet)
    loaded = begun_from(source, overrides or {}, shots)
    with loaded.located(), free_folder(out, f"{loaded.recipe.name}-ladder") as path, emptied_on_failure(path):
        refuse_idle(loaded.recipe)
        device = choose_device(loaded.recipe.train.device)
        prepared = prepare(loaded.recipe, device.value, console)
        machine = Machine(device.value, "fp32")
        workers = int(choose_workers(loaded.recipe.train.workers, device.value).value)
        notes = [f"train.device: {device.value}, {device.reason}", *prepared.notes]
        _tell(notes, warned(prepared), console)
        space = look(prepared, machine, workers, path, console)
        standing, chosen, said = _climb(prepared, space, shots, console)
        with uninterrupted():
            _write(LadderFolder(path), prepared, space, standing, chosen, said, notes)
    return Ladder(path)


def _tell(notes: Sequence[str], warnings: Sequence[str], console: Console) -> None:
    for note in notes:
        console.note(Noted(note))
    for warning in warnings:
        console.note(Noted(warning, warning=True))


def _climb(
    prepared: Prepared, space: Space, shots: int | None, console: Console
) -> tuple[Standing, Fitted, dict[str, AnyPredictions]]:
    """How the rungs did, the one that is chosen, and what it says of validation and test pictures."""
    trained = space.tables["train"]
    rows = drawn_shots(trained.truth, len(trained.labels), shots, prepared.recipe.train.seed)
    held = {name: table for name, table in space.tables.items() if name != "train"}
    parts = {name: Part(space.features[name], Judge(table, _score(prepared))) for name, table in held.items()}
    tried: list[Tried] = []
    for one in climb(space.shots(rows), parts["val"], parts.get("test")):
        console.note(Noted(_said(one)))
        tried.append(one)
    counts = (len(rows), shots, len(held["val"]), len(held.get("test", ())))
    steps = tuple(one.step for one in tried)
    standing = Standing(parts["val"].judge.score_name, steps, *counts, space.seconds)
    chosen = next(one.fitted for one in reversed(tried) if one.step.kept)
    assert chosen is not None  # the first rung is always kept
    return standing, chosen, {name: replace(held[name], logits=one.logits(chosen)) for name, one in parts.items()}


def _score(prepared: Prepared) -> ScoreName:
    """The recipe's score, where pictures are of one class."""
    select = prepared.recipe.train.select
    return cast(ScoreName, select) if select in SCORES else "accuracy"


def _said(one: Tried) -> str:
    step = one.step
    if step.why_not:
        return f"{step.words}: left out, {step.why_not}"
    if step.val is None:
        return f"{step.words}: no validation picture is of any class, so nothing tells how good it is"
    gain = "" if step.gain is None else f", {step.gain.value:+.4f} [{step.gain.low:+.4f}, {step.gain.high:+.4f}]"
    return f"{step.words}: val {step.val.value:.4f}{gain}, {'kept' if step.kept else 'dropped'}"


def _write(
    folder: LadderFolder,
    prepared: Prepared,
    space: Space,
    standing: Standing,
    chosen: Fitted,
    said: Mapping[str, AnyPredictions],
    notes: list[str],
) -> None:
    """The folder of a run, the ladder and, last, the bundle."""
    layout, trained = prepared.table.layout, prepared.table.part("train").counts[""]
    val = {PLAIN.name: said["val"]}
    policy = fit_view_policy(val, prepared.recipe.decision, trained, multilabel=layout.multilabel)
    folder.write_inputs(prepared.recipe, prepared.table, prepared.bad, [*notes, *threshold_notes({"": policy}, layout)])
    write_thresholds(folder.path, {"": policy}, layout)
    for name, table in said.items():
        table.write(folder.predictions(name))
    results = {name: measure_any(table, policy, trained) for name, table in said.items()}
    write_metrics(folder, results)
    write_json(folder.standing, standing.to_dict())
    write_ladder_table(folder.table, standing)
    folder.picture.write_text(to_svg(draw_ladder(standing)), encoding="utf-8")
    write_ladder_bundle(folder, prepared, space, chosen, {"": policy}, results)
