"""What a sweep may vary: settings of a recipe, each with a range or with choices."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field, TypeAdapter, ValidationError

from sfumato.document import Document, read_document
from sfumato.errors import InputError
from sfumato.recipe.load import load_recipe
from sfumato.recipe.schema import Recipe
from sfumato.spec import Spec
from sfumato.stored import first_mistake

EXAMPLE = "a line a setting, such as train.optimizer.lr: {low: 1e-4, high: 1e-2, log: true}"
MEASURES = ("data", "train.select", "train.stop")
"""Settings that change what a score means, or when it counts."""
IDLE = ("name", "views", "decision", "train.checkpoint", "train.keep_decoded", "train.keep_features", "train.workers")
"""Settings that the score of the kept weights does not depend on: all trials would score the same."""


class RangeSpec(Spec):
    """Numbers from `low` to `high`."""

    low: float
    """The least."""
    high: float
    """The greatest."""
    log: bool = False
    """Whether each factor is as likely as the next: for learning rates and the like."""


class ChoicesSpec(Spec):
    """Values of any kind."""

    choices: Annotated[tuple[Any, ...], Field(min_length=2)]
    """Each once."""


_SPEC: TypeAdapter[RangeSpec | ChoicesSpec] = TypeAdapter(RangeSpec | ChoicesSpec)


@dataclass(frozen=True)
class Range:
    """Numbers of a setting."""

    low: float
    high: float
    log: bool
    whole: bool
    """Whether the recipe takes whole numbers alone."""


@dataclass(frozen=True)
class Choices:
    """Values of a setting, as JSON texts: whatever they are, a database can hold them."""

    texts: tuple[str, ...]


Space = dict[str, Range | Choices]
"""Recipe path -> what it may be."""


def read_space(source: str | Path | Mapping[str, Any], recipe: Recipe) -> Space:
    """Read and check a space: the recipe must load with both ends of every range and with every choice.

    Args:
        source: A YAML file, or its mapping: recipe path -> {low, high, log} or {choices}.
        recipe: What is varied.

    Raises:
        InputError: A mistake, with its line, what was expected and the nearest valid name.
    """
    if isinstance(source, Mapping):
        document = Document(dict(source), name="the space")
    else:
        document = read_document(Path(source), kind="space", example=EXAMPLE)
    return {path: _dimension(path, given, document, recipe) for path, given in document.settings.items()}


def settings(space: Space, values: Mapping[str, Any]) -> dict[str, Any]:
    """Recipe path -> value, from what a database holds."""
    return {
        path: json.loads(cast(str, values[path])) if isinstance(one, Choices) else values[path]
        for path, one in space.items()
    }


def to_mapping(space: Space) -> dict[str, Any]:
    """What `read_space` reads back."""
    return {
        path: {"choices": [json.loads(text) for text in one.texts]}
        if isinstance(one, Choices)
        else {"low": one.low, "high": one.high, "log": one.log}
        for path, one in space.items()
    }


def _dimension(path: str, given: object, document: Document, recipe: Recipe) -> Range | Choices:
    where = document.place(path) or path
    _refuse_settings(path, where)
    spec = _spec(path, given, where)
    if isinstance(spec, ChoicesSpec):
        return _choices(path, spec, where, recipe)
    return _range(path, spec, where, recipe)


def _refuse_settings(path: str, where: str) -> None:
    """Refuse what would make trials differ in what they are measured by, or in nothing that is measured."""
    for names, why in (
        (MEASURES, "changes what a trial is measured by, so trials would not compare"),
        (IDLE, "changes no score of the weights, by which trials are compared"),
    ):
        if any(path == one or path.startswith(f"{one}.") for one in names):
            raise InputError(why, setting=path, where=where, expected="a setting of model, augment, train or timeline")


def _spec(path: str, given: object, where: str) -> RangeSpec | ChoicesSpec:
    expected = "{low: 1e-4, high: 1e-2, log: true} or {choices: [a, b]}"
    if not isinstance(given, Mapping) or not ({"choices", "low", "high"} & cast(Mapping[str, Any], given).keys()):
        raise InputError("no range and no choices", setting=path, where=where, expected=expected)
    kind = ChoicesSpec if "choices" in given else RangeSpec
    try:
        return kind.model_validate_json(json.dumps(given, default=str))
    except ValidationError as error:
        raise InputError(first_mistake(error), setting=path, where=where, expected=expected) from None


def _choices(path: str, spec: ChoicesSpec, where: str, recipe: Recipe) -> Choices:
    texts = tuple(json.dumps(value, ensure_ascii=False, sort_keys=True) for value in spec.choices)
    if len(set(texts)) < len(texts):
        raise InputError("a choice stands twice", setting=path, where=where)
    for value in spec.choices:
        load_recipe(recipe, {path: value}, where)
    return Choices(texts)


def _range(path: str, spec: RangeSpec, where: str, recipe: Recipe) -> Range:
    if spec.low >= spec.high or (spec.log and spec.low <= 0):
        expected = "low below high" + (", and above 0 for log" if spec.log else "")
        raise InputError(f"low {spec.low:g}, high {spec.high:g}", setting=path, where=where, expected=expected)
    whole = not _takes(recipe, path, spec.low + (spec.high - spec.low) / 3.7)
    ends = (int(spec.low), int(spec.high)) if whole else (spec.low, spec.high)
    for value, end in zip(ends, (spec.low, spec.high), strict=True):
        load_recipe(recipe, {path: value if value == end else end}, where)
    return Range(*ends, spec.log, whole)


def _takes(recipe: Recipe, path: str, value: float) -> bool:
    """Whether the recipe takes a number that is not whole there."""
    try:
        load_recipe(recipe, {path: value})
    except InputError:
        return False
    return True
