"""The runs that a soup is made of: finished, and of one make."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from sfumato.bundle.folder import Bundle, read_bundle
from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.folds.folder import CrossvalFolder
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder, open_folder
from sfumato.tensor_file import read_tensors

_OF_TRAINING = ("drop_path", "dropout")
"""What a model's document says of training alone: networks that differ in it are of one make."""


@dataclass(frozen=True)
class RunIngredient:
    """One finished run."""

    name: str
    """As it was given; a fold's is its folder."""
    folder: RunFolder
    bundle: Bundle
    """Without its weights: those of many runs need not fit into memory together."""
    table: Table
    recipe: Recipe

    @property
    def weights(self) -> dict[str, Tensor]:
        """Of its network, read anew each time."""
        return read_tensors(self.folder.bundle / "weights.safetensors")


def read_ingredients(paths: Sequence[str | Path]) -> list[RunIngredient]:
    """Read runs; a cross-validation stands for its folds.

    Raises:
        InputError: Fewer than two, one twice, one that is not finished, or networks of different make.
    """
    folders = [folder for path in paths for folder in _folders(Path(path))]
    places = [folder.path.resolve() for folder in folders]
    doubled = next((folder for folder, place in zip(folders, places, strict=True) if places.count(place) > 1), None)
    if doubled is not None:
        raise InputError("named twice", where=str(doubled.path), expected="every run once")
    if len(folders) < 2:
        where = str(folders[0].path) if folders else None
        raise InputError("a soup of one run is that run", where=where, expected="two runs or more, or a crossval's")
    found = [_read(folder) for folder in folders]
    for one in found[1:]:
        _refuse_other_make(found[0], one)
    return found


def _folders(path: Path) -> list[RunFolder]:
    crossval = CrossvalFolder(path)
    if crossval.plan.is_file():
        return [crossval.run(index) for index in range(len(crossval.read_plan().folds))]
    return [open_folder(path)]


def _read(folder: RunFolder) -> RunIngredient:
    if not folder.bundle.exists():
        what, mend = "this run is not finished", f"sfumato train --resume {folder.path}"
        raise InputError(what, where=str(folder.path), expected="one with a bundle", mend=mend)
    bundle = replace(read_bundle(folder.bundle), members=())
    return RunIngredient(str(folder.path), folder, bundle, folder.read_table(), folder.load_recipe().recipe)


def _refuse_other_make(first: RunIngredient, other: RunIngredient) -> None:
    """Weights are averaged number by number: each must mean the same in both."""
    makes = [
        {**_make(one.bundle.model), "transform": one.bundle.transform, "classes": one.bundle.tasks}
        for one in (first, other)
    ]
    for name in dict.fromkeys([*makes[0], *makes[1]]):
        mine, others = (make.get(name) for make in makes)
        if mine != others:
            short = name in ("backbone", "weights")
            said = f"another {name}"
            if short:
                said = f"its model.{name} is {_shown(others)}, and that of {first.name} is {_shown(mine)}"
            expected = "runs of one make: backbone, pretrained weights, head, classes, transform"
            raise InputError(said, where=other.name, expected=expected)


def _shown(setting: object) -> str:
    """As a recipe says it."""
    return json.dumps(setting, ensure_ascii=False).replace('"', "")


def _make(document: dict[str, Any]) -> dict[str, Any]:
    """A model's document without what changes nothing after training."""
    made = {name: value for name, value in document.items() if name not in _OF_TRAINING}
    head = cast(dict[str, Any], made.get("head", {}))
    return {**made, "head": {name: value for name, value in head.items() if name not in (*_OF_TRAINING, "start")}}
