"""YAML files read without surprises (recipes, labels), every setting remembered with the line it stands in."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sfumato.errors import InputError, nearest_name

RECIPE = "settings such as data: {source: PATH}"


class _Loader(yaml.SafeLoader):
    """YAML 1.2's view of plain scalars: `1e-3` is a number, `no` is text, dates are text."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  # PyYAML reads it from the class


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would take for something else than text."""


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", [*"tTfF"]),
    ("null", r"^(?:~|null|Null|NULL|)$", [*"~nN", ""]),
    ("int", r"^[-+]?[0-9]+$", [*"-+0123456789"]),
    ("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?$", [*"-+.0123456789"]),
):
    for _reader in (_Loader, _Dumper):
        _reader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


@dataclass
class Document:
    """A tree of settings, and where each stands."""

    settings: dict[str, Any]
    places: dict[str, str] = field(default_factory=dict[str, str])
    """Recipe path, such as `timeline[1].at` -> `file:line`."""
    folders: dict[str, Path] = field(default_factory=dict[str, Path])
    """Recipe path of a leaf -> folder of the file it was written in."""
    name: str | None = None
    """The file; None where there is none."""

    def place(self, path: str) -> str | None:
        """Where a setting stands, or the nearest one that contains it."""
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places.get(path, self.name)


def read_document(path: Path, *, kind: str = "recipe", example: str = RECIPE) -> Document:
    """Read a YAML file of settings; `kind` and `example` say in errors what it should be and hold.

    Raises:
        InputError: No such file, not YAML, a key twice, or no mapping at its top.
    """
    if not path.is_file():
        near = nearest_name(path.name, [other.name for other in path.parent.glob("*.yaml")])
        raise InputError(f"no such {kind}", where=str(path), expected="a YAML file", nearest=near)
    try:
        return parse_document(path.read_text(encoding="utf-8-sig"), str(path), path.parent.absolute(), example)
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text (byte {error.start})", where=str(path), mend="save it as UTF-8") from None


def parse_document(text: str, name: str, folder: Path, example: str = RECIPE) -> Document:
    """Parse YAML text; `name` stands for the file in errors, relative paths belong to `folder`."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"not YAML: {error.problem or error.context}", where=f"{name}:{line}") from None
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {str(error).splitlines()[0]}", where=name) from None
    if root is None:
        raise InputError("empty", where=name, expected=example)
    if not isinstance(root, MappingNode):
        raise InputError("no mapping at its top", where=f"{name}:1", expected=example)
    _refuse_doubled(root, name)
    constructor = _Loader("")
    document = Document(cast(dict[str, Any], constructor.construct_document(root)), name=name)
    for path, node in _walk("", root):
        document.places[path] = f"{name}:{node.start_mark.line + 1}"
        document.folders[path] = folder
    return document


def write_document(settings: Mapping[str, Any]) -> str:
    """YAML text that `parse_document` reads back to the same settings."""
    return yaml.dump(dict(settings), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


def overlay(base: Document, top: Document) -> Document:
    """`top` laid over `base`: mappings are merged, everything else is replaced."""
    settings = _merge(base.settings, top.settings)
    return Document(settings, {**base.places, **top.places}, {**base.folders, **top.folders}, top.name)


def _merge(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    if base.get("kind") != top.get("kind", base.get("kind")):
        return dict(top)  # another kind of component has other settings
    merged = dict(base)
    for key, value in top.items():
        former = merged.get(key)
        both = isinstance(value, dict) and isinstance(former, dict) and key != "weights"
        merged[key] = _merge(cast(dict[str, Any], former), cast(dict[str, Any], value)) if both else value
    return merged


def _walk(path: str, node: Node) -> Iterator[tuple[str, Node]]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}" if path else str(key.value)
            yield inner, key
            yield from _walk(inner, value)
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            yield f"{path}[{index}]", value
            yield from _walk(f"{path}[{index}]", value)


def _refuse_doubled(node: Node, name: str) -> None:
    """A key that stands twice: YAML readers quietly take the last."""
    if isinstance(node, SequenceNode):
        for value in node.value:
            _refuse_doubled(value, name)
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = f"{name}:{key.start_mark.line + 1}"
            if not isinstance(key, ScalarNode):
                raise InputError("a key that is no plain text", where=line)
            if key.value in seen:
                raise InputError(f"{key.value!r} stands twice", where=line, expected="every setting once")
            seen.add(key.value)
            _refuse_doubled(value, name)
