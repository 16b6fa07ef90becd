"""The zero-shot baseline: a recipe's network as it begins, decided on and measured as a trained one is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.begun import begin, write_inputs
from sfumato.concluding import conclude
from sfumato.console import Console
from sfumato.errors import InputError
from sfumato.fitting import learn
from sfumato.free_folder import emptied_on_failure, free_folder
from sfumato.looking import look, tell
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.preparation.prepared import Prepared, job_of
from sfumato.recipe.load import load_recipe
from sfumato.recipe.schema import Recipe
from sfumato.run import Run
from sfumato.training.changeover import begin_head
from sfumato.training.device import choose_workers
from sfumato.training.records import Noted

SAID = "zero-shot: not a step was taken; what the recipe says of training did not happen"


def zero_shot(
    recipe: str | Path | Recipe | Mapping[str, Any],
    *,
    overrides: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    quiet: bool = False,
) -> Run:
    """Score pictures by the texts of their classes alone, calibrate and cut on validation, measure, leave one folder.

    Args:
        recipe: Of a dual encoder: path of a YAML file, a Recipe, or its settings as a mapping.
        overrides: Recipe path -> value, such as {"model.clip.name": "ViT-B-32"}.
        out: Folder of the run; None = `runs/NAME-zeroshot`, numbered if need be.
        quiet: Show nothing.

    Raises:
        InputError: Classes that no text tells, or anything else wrong with recipe and data; nothing was written.
    """
    console, named = Console(quiet=quiet), load_recipe(recipe, overrides).recipe
    if not isinstance(named.model, DualEncoderSpec):
        what = f"a model of kind {named.model.kind} knows no class before it is trained"
        raise InputError(what, setting="model.kind", expected="dual_encoder, whose classes are their texts")
    changed = {**(overrides or {}), "name": f"{named.name}-zeroshot"}
    with free_folder(out, changed["name"]) as path, emptied_on_failure(path):  # there is no going on with half of it
        return _scored(recipe, changed, path, console)


def _scored(
    recipe: str | Path | Recipe | Mapping[str, Any], changed: Mapping[str, Any], out: Path, console: Console
) -> Run:
    begun = begin(recipe, changed, out, console, None)
    folder, prepared, machine = begun.folder, begun.prepared, begun.machine
    told = [SAID, *_doubts(prepared)]
    for place, line in enumerate(told):
        console.note(Noted(line, warning=place > 0))
    write_inputs(begun, told)
    workers = int(choose_workers(prepared.recipe.train.workers, machine.device.type).value)
    prepared.model.to(machine.device)
    begin_head(job_of(prepared, machine, workers, folder.checkpoints))
    prepared.model.eval()
    references = learn(begun, workers, console)
    show = console.stage("looking in several views")
    looked = look(folder, prepared, machine, workers, references, show, choose=True)
    tell(looked.choice, folder.views, console)
    conclude(folder, prepared, looked, ("val", "test"), console)
    return Run(folder.path)


def _doubts(prepared: Prepared) -> list[str]:
    """Why its scores can be no better than chance, where they can't."""
    model = prepared.recipe.model
    if prepared.recipe.train.init_from is not None or not isinstance(model, DualEncoderSpec):
        return []
    if model.clip is None:
        return ["its encoders never met: what projects them into one space is random, and so are its scores"]
    return ["nothing of the network is pretrained, and its scores are those of chance"] if model.is_random else []
