"""What the weights of a training begin from: pretrained ones, or those that an earlier run ended with."""

from pathlib import Path

import polars as pl
from torch import Tensor

from sfumato.bundle.folder import Bundle, read_bundle
from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.json_file import read_json
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.family import files_of, load_pretrained
from sfumato.models.network import Network, needed
from sfumato.models.tower_lora import without_lora
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder

SETTING = "train.init_from"
FOLD = "{fold}"
"""What stands in a path for the number of the fold that is trained."""


def begin(recipe: Recipe, model: Network, image_size: int, table: Table | None = None) -> str:
    """Put the weights into a model that the recipe lets it begin with; return where they came from.

    Args:
        recipe: Its `train.init_from` takes precedence over pretrained weights.
        model: As it was built.
        image_size: Side in pixels that it was built for.
        table: The samples with their parts, where they are known: none that is to be measured may have been trained on.

    Raises:
        InputError: Weights that are not there, do not fit, or have seen samples that are to be measured.
    """
    if recipe.train.init_from is None:
        return f"model.weights: {load_pretrained(model, recipe.model, image_size)}"
    place = place_of(recipe)
    bundle = read_bundle(place)
    if table is not None:
        if not isinstance(model, DualEncoder):  # whose classes are their texts, and no weights
            _refuse_other_classes(bundle, table, place)
        _refuse_seen(place, table)
    _refuse_other_tokens(bundle, model, place)
    _load(model, bundle, place)
    return f"{SETTING}: {place}, every weight, the head's too"


def place_of(recipe: Recipe) -> Path:
    """The folder that `train.init_from` names, for the fold that is trained.

    Raises:
        InputError: Nothing is there; `{fold}` without a fold, or a fold without `{fold}`, which would see its own.
    """
    given, fold = str(recipe.train.init_from), recipe.data.split.fold
    if FOLD in given and fold is None:
        raise InputError("names a fold, and none is trained", setting=SETTING, mend="sfumato crossval trains folds")
    place = Path(given.replace(FOLD, str(_number(given, fold))))
    if not place.is_dir():
        raise InputError(f"nothing in {place}", setting=SETTING, expected="the folder of a finished run, or its bundle")
    return place


def _number(given: str, fold: int | str | None) -> int | str | None:
    """The number of a fold; one that the data names stands in the list of the cross-validation it is to follow."""
    folds = Path(given).parent / "folds.json"
    if not isinstance(fold, str) or not folds.is_file():
        return fold
    named = list(map(str, read_json(folds).get("folds", [])))
    if fold not in named:
        raise InputError(
            f"fold {fold!r} was never trained", where=str(folds), setting=SETTING, expected=", ".join(named)
        )
    return named.index(fold)


def _load(model: Network, bundle: Bundle, place: Path) -> None:
    if len(bundle.members) != 1:
        what = f"{len(bundle.members)} networks averaged"
        raise InputError(
            what, where=str(place), setting=SETTING, expected="the run of one fold, such as .../fold-{fold}"
        )
    given = bundle.members[0]
    with without_lora(model):  # which a bundle holds added to the weights
        own = {name: tensor for name, tensor in model.state_dict().items() if needed(name)}
        _refuse_misfit(own, given, place)
        model.load_state_dict({**model.state_dict(), **{name: given[name] for name in own}})


def _refuse_misfit(own: dict[str, Tensor], given: dict[str, Tensor], place: Path) -> None:
    lacking = [name for name in own if name not in given] or [name for name in given if name not in own]
    if lacking:
        what = f"another network: {len(lacking)} tensors differ by name, such as {lacking[0]}"
        raise InputError(what, where=str(place), setting=SETTING, expected="a run of the same model and head")
    other = next((name for name in own if own[name].shape != given[name].shape), None)
    if other is not None:
        shapes = f"{other} is {tuple(given[other].shape)} there and {tuple(own[other].shape)} here"
        raise InputError(shapes, where=str(place), setting=SETTING, expected="a run of the same model, head and size")


def _refuse_other_classes(bundle: Bundle, table: Table, place: Path) -> None:
    if bundle.tasks.sizes != table.layout.sizes or [*bundle.tasks.spaces] != [*table.layout.spaces]:
        what = f"{sum(bundle.tasks.sizes)} classes there, and {sum(table.layout.sizes)} here"
        raise InputError(what, where=str(place), setting=SETTING, expected="a run on the same classes")
    for name, space in table.layout.spaces.items():
        if bundle.tasks.spaces[name].names != space.names:
            raise InputError("classes of other names, or in another order", where=str(place), setting=SETTING)


def _refuse_other_tokens(bundle: Bundle, model: Network, place: Path) -> None:
    own = files_of(model)
    if (own or None) != (dict(bundle.text or {}) or None):
        raise InputError(
            "reads texts by other tokens", where=str(place), setting=SETTING, expected="the same model.text"
        )


def _refuse_seen(place: Path, table: Table) -> None:
    """Refuse weights that were trained on samples which are to choose or to measure here."""
    run = RunFolder(place.parent if place.name == "bundle" else place)
    if not (run.data / "table.parquet").is_file():
        return
    trained = run.read_table().part("train").rows.select("id")
    held = table.rows.filter(pl.col("part").is_in(["val", "test"])).select("id")
    seen = held.join(trained, on="id", how="semi")
    if len(seen):
        raise InputError(
            f"{len(seen)} of the {len(held)} samples that choose or measure here were trained on there",
            where=str(place),
            setting=SETTING,
            expected="a run with the same split" + ("" if FOLD in str(place) else f"; of folds, a path with {FOLD}"),
        )
