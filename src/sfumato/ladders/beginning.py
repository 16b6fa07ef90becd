"""What a ladder begins with: a recipe, and the run whose encoders it stands on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.errors import InputError
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.preparation.beginning import place_of
from sfumato.preparation.prepared import Prepared
from sfumato.recipe.load import Loaded, load_recipe
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder, open_folder

START = "train.init_from"


def begun_from(source: str | Path | Mapping[str, Any], overrides: Mapping[str, Any], shots: int | None) -> Loaded:
    """The recipe; that of a finished run begins with its own weights.

    Raises:
        InputError: No such recipe or run, or no number of shots.
    """
    if shots is not None and shots < 1:
        raise InputError(f"{shots}", where="--shots", expected="1 or more of each class, or none for all")
    if not isinstance(source, str | Path) or not Path(source).is_dir():
        return load_recipe(source, overrides)
    run = open_folder(Path(source).parent if Path(source).name == "bundle" else Path(source))
    if not run.bundle.is_dir():
        mend = f"`sfumato train --resume {run.path}` goes on with it"
        raise InputError("no bundle there: the run is not finished", where=str(run.path), mend=mend)
    return load_recipe(run.recipe, {**overrides, START: str(run.path)})


def refuse_idle(recipe: Recipe) -> None:
    """Refuse what rungs can't be fitted on, and settings that would have no effect.

    Raises:
        InputError: As said.
    """
    if not isinstance(recipe.model, DualEncoderSpec):
        what = f"{recipe.model.kind}: its classes are not told by texts in a space that pictures share"
        raise InputError(what, setting="model.kind", expected="dual_encoder")
    if recipe.train.init_from is None and (recipe.model.clip is None or recipe.model.is_random):
        what = "none: encoders that were never trained together say nothing of each other"
        raise InputError(what, setting=START, expected="a finished run of a dual encoder, or model.clip with weights")
    if recipe.data.split.val == 0:
        what = "0, and rungs and their settings are chosen on validation pictures"
        raise InputError(what, setting="data.split.val", expected="a share above 0")
    if recipe.decision.measure is not None:
        what = f"{recipe.decision.measure}: a ladder does not measure how familiar pictures are"
        raise InputError(what, setting="decision", mend="leave it out")
    if recipe.views is not None:
        raise InputError("a ladder looks at each picture once", setting="views", mend="leave it out")


def warned(prepared: Prepared) -> list[str]:
    """What a person should know before trusting the rungs."""
    if prepared.recipe.train.init_from is None:
        return list(prepared.warnings)
    place = place_of(prepared.recipe)
    run = RunFolder(place.parent if place.name == "bundle" else place)
    if not (run.data / "table.parquet").is_file():
        return list(prepared.warnings)
    trained = set(run.read_table().part("train").ids)
    seen = sum(name in trained for name in prepared.table.part("train").ids)
    what = f"{seen} of the training pictures taught the encoders, which know them better than others: rungs gain less"
    return [*prepared.warnings, *([what] if seen else [])]
