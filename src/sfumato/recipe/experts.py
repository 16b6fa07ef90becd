"""Several recipes in one file: experts that see the same samples, each cross-validated, then fused to one bundle.

What stands beside `experts` holds for all of them; below the name of an expert stands what is its own.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from sfumato.decision.fusion.fusion import Kind, Sharing
from sfumato.document import Document, overlay
from sfumato.errors import InputError
from sfumato.models.family import reads_texts
from sfumato.recipe.explain import explain
from sfumato.recipe.load import EXPERTS, Loaded, checked, settings_of
from sfumato.recipe.schema import Recipe
from sfumato.shown import PictureUse
from sfumato.spec import Spec
from sfumato.yaml_text import write_mapping

SHARED = ("name", "data")
"""What an expert has in common with the others, always."""
_NAME = re.compile(r"\w[\w-]*")


class FusionSpec(Spec):
    """How experts become one, by their predictions out of fold; as `sfumato ensemble` does it."""

    kind: Kind = "stacked"
    """`stacked`: a logistic regression on what they say; `weighted`, `average` or `mlp`."""
    weights: Sharing = "auto"
    """Of `weighted` and `stacked`: `shared` by all classes, `by_class`, or what inner folds find better."""


class _Whole(Spec):
    """What may stand beside experts and is no setting of theirs."""

    fusion: FusionSpec = FusionSpec()


@dataclass(frozen=True)
class Experts:
    """A checked file."""

    name: str
    """That of all of them."""
    recipes: dict[str, Loaded]
    """Name of an expert -> its recipe, of the data of all."""
    fusion: FusionSpec

    @property
    def first(self) -> Recipe:
        """Of any of them: they have data and split in common."""
        return next(iter(self.recipes.values())).recipe

    @property
    def reads_texts(self) -> bool:
        """Whether any expert does."""
        return any(reads_texts(one.recipe.model) for one in self.recipes.values())

    @property
    def pictures(self) -> PictureUse:
        """Which of several pictures of a sample any of them is shown."""
        uses = {one.recipe.model.pictures for one in self.recipes.values()}
        return "mean_pool" if uses & {"mean_pool", "random"} else "first" if "first" in uses else "none"


def holds_experts(source: object, overrides: Mapping[str, Any] | None = None) -> bool:
    """Whether a source, as `load_recipe` takes it, stands for several recipes."""
    if isinstance(source, Recipe) or not isinstance(source, str | Path | Mapping):
        return False
    return EXPERTS in settings_of(cast(Any, source), overrides).settings


def load_experts(source: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Experts:
    """Read and check a file of experts; arguments as for `load_recipe`.

    Raises:
        InputError: A mistake, with its place; fewer than two experts; one with data of its own.
    """
    document = settings_of(source, overrides)
    found = document.settings.get(EXPERTS)
    if not isinstance(found, dict) or len(cast(dict[str, Any], found)) < 2:
        raise InputError(
            "fewer than two", setting=EXPERTS, where=document.place(EXPERTS), expected="a recipe below each name"
        )
    whole = _whole(document)
    shared = replace(document, settings=_without(document.settings, EXPERTS, "fusion"))
    recipes = {name: _checked(document, shared, name) for name in cast(dict[str, Any], found)}
    return Experts(next(iter(recipes.values())).recipe.name, recipes, whole.fusion)


def experts_settings(experts: Experts) -> dict[str, Any]:
    """Every setting, as a file that `load_experts` reads."""
    documents = {name: _json(one.recipe) for name, one in experts.recipes.items()}
    shared = {name: next(iter(documents.values()))[name] for name in SHARED}
    own = {name: _without(document, *SHARED) for name, document in documents.items()}
    return {**shared, EXPERTS: own, "fusion": _json(experts.fusion)}


def experts_yaml(experts: Experts) -> str:
    """The same as YAML."""
    return write_mapping(experts_settings(experts))


def _whole(document: Document) -> _Whole:
    settings = {"fusion": document.settings["fusion"]} if "fusion" in document.settings else {}
    try:
        return _Whole.model_validate_json(json.dumps(settings))
    except ValidationError as error:
        raise explain(error, replace(document, settings=settings), _Whole.model_json_schema()) from None


def _checked(document: Document, shared: Document, name: str) -> Loaded:
    """The recipe of an expert; what is wrong with its own settings is told by their whole path."""
    own = _own(document, name)
    try:
        return checked(overlay(shared, own))
    except InputError as error:
        said, paths = str(error), sorted(own.places, key=len, reverse=True)
        setting = next((path for path in paths if re.search(rf"(?<![\w.]){re.escape(path)}: ", said)), None)
        if setting is None:
            raise
        whole = f"{EXPERTS}.{name}.{setting}"
        raise InputError(re.sub(rf"(?<![\w.]){re.escape(setting)}: ", f"{whole}: ", said, count=1)) from None


def _own(document: Document, name: str) -> Document:
    """The settings below the name of an expert, as if they stood at the top of a file."""
    path = f"{EXPERTS}.{name}"
    settings = cast(dict[str, Any], document.settings[EXPERTS])[name]
    if not _NAME.fullmatch(str(name)):
        raise InputError("no name", setting=path, where=document.place(path), expected="letters, digits, _ and -")
    if not isinstance(settings, dict):
        raise InputError("no settings", setting=path, where=document.place(path), expected="a mapping such as model")
    for shared in SHARED:
        if shared in settings:
            where = document.place(f"{path}.{shared}")
            mend = f"write {shared} beside {EXPERTS}"
            raise InputError("all experts have the same", setting=f"{path}.{shared}", where=where, mend=mend)
    cut = len(path) + 1
    places = {one[cut:]: place for one, place in document.places.items() if one.startswith(f"{path}.")}
    folders = {one[cut:]: folder for one, folder in document.folders.items() if one.startswith(f"{path}.")}
    return Document(cast(dict[str, Any], settings), places, folders, document.name)


def _without(settings: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in names}


def _json(spec: Spec) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(spec.model_dump_json()))
