"""Loading a recipe: file, `extends`, `--set`, and the place of every mistake."""

import copy
import json
import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from sfumato.document import Document, is_file, overlay, parse_document, read_document
from sfumato.errors import InputError, nearest_name
from sfumato.models.family import without_paths
from sfumato.recipe.explain import explain
from sfumato.recipe.presets import FOLDER, find_preset, preset_names
from sfumato.recipe.schema import Recipe
from sfumato.yaml_text import write_mapping

PATHS = (
    *("data.source", "data.images", "data.dealt", "data.labels.file", "data.elements.run"),
    *("train.distill.teacher", "train.init_from"),
    *("model.weights.file", "model.image.weights.file", "model.clip.weights.file"),
    *("model.text.folder", "model.texts.file", "model.folder"),
)
"""Settings that name a file or folder, relative to the file they stand in."""

EXPERTS = "experts"
"""Setting of what stands for several recipes."""
ENDINGS = (".yaml", ".yml")
"""What ends so is a recipe."""


@dataclass(frozen=True)
class Loaded:
    """A recipe, and where each of its settings stands."""

    recipe: Recipe
    document: Document

    def located(self) -> AbstractContextManager[None]:
        """As `Document.located`."""
        return self.document.located()


def load_recipe(
    source: str | Path | Recipe | Mapping[str, Any], overrides: Mapping[str, Any] | None = None, said: str = "--set"
) -> Loaded:
    """Read and check a recipe.

    Args:
        source: Path of a YAML file, name of a preset where no such file exists, a Recipe, or the settings of one as a
            mapping; relative paths in a mapping belong to the working folder.
        overrides: Recipe path -> value, such as {"train.seed": 1, "timeline[0].lr_scale": 0.5}; relative paths in
            them belong to the working folder.
        said: Where the overrides stand, for errors.

    Raises:
        InputError: A mistake, with its place, what was expected and the nearest valid name.
    """
    return checked(settings_of(source, overrides, said))


def checked(document: Document) -> Loaded:
    """The recipe of settings, relative paths in which are made absolute.

    Raises:
        InputError: A mistake, as `load_recipe` tells it; settings of several recipes.
    """
    if EXPERTS in document.settings:
        what, mend = "several recipes, not one", "sfumato crossval trains and stacks them"
        raise InputError(what, setting=EXPERTS, where=document.place(EXPERTS), mend=mend)
    for path in (*PATHS, *_paths_in_timeline(document)):
        _make_absolute(document, path)
    return Loaded(_validate(document), document)


def settings_of(
    source: str | Path | Recipe | Mapping[str, Any], overrides: Mapping[str, Any] | None = None, said: str = "--set"
) -> Document:
    """The settings of a recipe as they were given, before they are checked; arguments as for `load_recipe`."""
    if isinstance(source, Recipe):
        document = Document(cast(dict[str, Any], json.loads(source.model_dump_json())))
    elif isinstance(source, Mapping):
        document = Document(copy.deepcopy(dict(source)))
    else:
        document = _with_base(_file(source))
    if overrides is not None and not isinstance(cast(object, overrides), Mapping):
        raise InputError(f"overrides are a {type(overrides).__name__}", expected='a mapping such as {"train.seed": 1}')
    return overridden(document, overrides or {}, said)


def overridden(document: Document, overrides: Mapping[str, Any], said: str = "--set") -> Document:
    """The same document, settings in it changed: path -> value."""
    for path, value in overrides.items():
        _set(document, path, copy.deepcopy(value), said)  # a later override may reach into this one
    return document


def parse_override(text: str) -> tuple[str, Any]:
    """Split `a.b=c` into path and value, the value read as YAML."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise InputError(f"--set {text}", expected="PATH=VALUE, such as train.epochs=20")
    settings = parse_document(f"value: {value}", f"--set {text}", Path.cwd()).settings
    if list(settings) != ["value"]:
        raise InputError(f"--set {text}", expected="one setting each time, such as train.epochs=20")
    return path.strip(), settings["value"]


def to_yaml(recipe: Recipe) -> str:
    """The recipe as YAML with every setting written out."""
    settings = cast(dict[str, Any], json.loads(recipe.model_dump_json()))
    return write_mapping(settings)


def without_folders(recipe: Recipe) -> Recipe:
    """The recipe with the names of files and folders alone, fit to leave the machine it was run on."""
    data = recipe.data.model_copy(update={"source": Path(recipe.data.given).name})
    if data.images:
        data = data.model_copy(update={"images": Path(data.images).name})
    if data.dealt:
        data = data.model_copy(update={"dealt": Path(data.dealt).name})
    if data.labels:
        labels = data.labels.model_copy(update={"file": Path(data.labels.file).name})
        data = data.model_copy(update={"labels": labels})
    if data.elements:
        elements = data.elements.model_copy(update={"run": Path(data.elements.run).name})
        data = data.model_copy(update={"elements": elements})
    model, train = without_paths(recipe.model), recipe.train.model_copy(update={"trackers": ()})  # they name servers
    if train.init_from:
        train = train.model_copy(update={"init_from": Path(train.init_from).name})
    if train.distill:
        distill = train.distill.model_copy(update={"teacher": Path(train.distill.teacher).name})
        train = train.model_copy(update={"distill": distill})
    return recipe.model_copy(update={"data": data, "model": model, "train": train})


@cache
def json_schema() -> dict[str, Any]:
    """JSON Schema of a recipe file, for editors and for the reference page."""
    schema = Recipe.model_json_schema()
    base = {
        "type": "string",
        "description": "Another recipe, relative to this one, or a preset, whose settings this one overlays.",
    }
    schema["properties"] = {"extends": base, **schema["properties"]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _file(source: str | Path) -> Path:
    """The recipe a path or the name of a preset stands for; pictures in a folder of that name do not hide a preset."""
    path, name = Path(source), str(source)
    preset = find_preset(name)
    if preset is None and (path.exists() or path.suffix.lower() in ENDINGS):
        return path
    if preset is None:
        names = [*preset_names(), *(other.name for other in path.parent.glob("*.yaml"))]
        expected = "a YAML file, or a preset's name (sfumato presets lists them)"
        raise InputError("no such recipe", where=name, expected=expected, nearest=nearest_name(path.name, names))
    return preset


def _with_base(path: Path) -> Document:
    """A file laid over the one it extends: one level, so that no recipe is more than one file from its source."""
    _refuse_data(path)
    document = _read(path)
    if "extends" not in document.settings:
        return document
    place = document.place("extends")
    name = document.settings.pop("extends")
    if not isinstance(name, str):
        raise InputError("found no path", setting="extends", where=place, expected="another recipe's path")
    source = find_preset(name) or path.parent / name
    if not is_file(source):
        raise InputError(f"no such recipe: {name}", setting="extends", where=place, nearest=_neighbour(path, name))
    base = _read(source)
    if "extends" in base.settings:
        raise InputError(
            f"{name} extends a recipe itself", setting="extends", where=place, expected="a recipe that extends nothing"
        )
    return overlay(base, document)


def _read(path: Path) -> Document:
    """A file of settings; errors call a preset by its name, since its file is nobody's to mend."""
    if path.parent != FOLDER:
        return read_document(path)
    return parse_document(path.read_text(encoding="utf-8"), path.stem, path.parent)


def _paths_in_timeline(document: Document) -> list[str]:
    keyframes = document.settings.get("timeline")
    count = len(cast(list[Any], keyframes)) if isinstance(keyframes, list) else 0
    return [f"timeline[{index}].class_weights.file" for index in range(count)]


def _refuse_data(path: Path) -> None:
    """Data where a recipe is wanted is the commonest mistake of all, and no place in it would be to blame."""
    try:
        there = path.exists()
    except (OSError, ValueError):
        return
    if there and path.suffix.lower() not in ENDINGS:
        kind = "a folder" if path.is_dir() else "no YAML file"
        mend = f"`sfumato init {path} > recipe.yaml` writes one for data"
        raise InputError(
            f"{kind}, where a recipe is wanted", where=str(path), expected=f"a file ending in {ENDINGS[0]}", mend=mend
        )


def _neighbour(path: Path, name: str) -> str | None:
    beside = [other.name for other in path.parent.glob("*.yaml") if other.name != path.name]
    return nearest_name(name, [*beside, *preset_names()])


def _set(document: Document, path: str, value: Any, said: str) -> None:
    steps = re.findall(r"[^.\[\]]+|\[\d+\]", path)
    if not steps or "".join(f".{s}" if not s.startswith("[") else s for s in steps).lstrip(".") != path:
        raise InputError(f"{path!r} is no recipe path", expected="a path such as train.seed or timeline[0].lr_scale")
    here: Any = document.settings
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        key: Any = int(step[1:-1]) if step.startswith("[") else step
        if not isinstance(here, list if isinstance(key, int) else dict):
            raise InputError(f"{said} {path}: nothing to set below a {type(cast(object, here)).__name__}")
        if isinstance(key, int) and key >= len(cast(list[Any], here)):
            raise InputError(f"{said} {path}: there is no entry {step} in a list of {len(cast(list[Any], here))}")
        box = cast(dict[Any, Any], here)
        if following is None:
            box[key] = value
            break
        if isinstance(key, str):
            box.setdefault(key, [] if following.startswith("[") else {})
        here = box[key]
    document.places = {name: place for name, place in document.places.items() if not name.startswith(f"{path}.")}
    document.places[path] = said
    document.folders[path] = Path.cwd()


def _make_absolute(document: Document, path: str) -> None:
    *parents, last = re.findall(r"[^.\[\]]+", path)
    here: Any = document.settings
    for step in parents:
        if isinstance(here, list):
            here = cast(list[Any], here)[int(step)]
        else:
            here = cast(dict[str, Any], here).get(step) if isinstance(here, dict) else None
    if isinstance(here, dict) and isinstance(text := cast(dict[str, Any], here).get(last), str | os.PathLike) and text:
        box = cast(dict[str, str], here)
        box[last] = str(document.folders.get(path, Path.cwd()) / os.path.expanduser(box[last]))  # noqa: PTH111  # raises nothing


def _plain(value: object) -> object:
    """What JSON has no word for: paths, as Python callers give them, are texts."""
    if isinstance(value, os.PathLike):
        return os.fspath(cast(os.PathLike[str], value))
    raise InputError(
        f"{value!r} is a {type(value).__name__}", expected="text, a number, true, false, a list or a mapping"
    )


def _validate(document: Document) -> Recipe:
    try:
        text = json.dumps(document.settings, allow_nan=True, default=_plain)
        return Recipe.model_validate_json(text)
    except ValidationError as error:
        raise explain(error, document, json_schema()) from None
    except InputError as error:
        place = document.place(error.setting) if error.setting else None
        raise error.at(place) if place else error from None
