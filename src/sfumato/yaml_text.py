"""YAML without surprises: version 1.2's plain scalars, no tags, no key twice, nothing that refers to itself."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sfumato.errors import InputError

_MOST_NODES = 100_000
"""Settings in one file; a few lines of references to references can claim any number."""
_MOST_DEEP = 50
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}


class _Loader(yaml.SafeLoader):
    """YAML 1.2's view of plain scalars: `1e-3` is a number, `no` is text, dates are text, `010` is ten."""

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


def _whole(loader: _Loader, node: ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))


_Loader.add_constructor("tag:yaml.org,2002:int", _whole)


def read_mapping(text: str, name: str, example: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Parse YAML text that is a mapping: its settings, and the line (from 1) of every path such as `timeline[1].at`.

    Args:
        text: The text.
        name: Stands for the file in errors.
        example: What was expected, for errors.

    Raises:
        InputError: Not YAML, no mapping, a key twice, a tag, a merge key, a reference to itself, too large.
    """
    root = _compose(text, name)
    if root is None:
        raise InputError("empty", where=name, expected=example)
    if not isinstance(root, MappingNode):
        raise InputError("no mapping at its top", where=f"{name}:1", expected=example)
    lines = {path: node.start_mark.line + 1 for path, node in _checked(root, name)}
    try:
        return cast(dict[str, Any], _Loader("").construct_document(root)), lines
    except (yaml.YAMLError, ValueError) as error:  # a number of thousands of digits
        raise InputError(f"not YAML: {str(error).partition(';')[0].splitlines()[0]}", where=name) from None


def write_mapping(settings: Mapping[str, Any]) -> str:
    """YAML text that `read_mapping` reads back to the same settings."""
    return yaml.dump(dict(settings), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


def _compose(text: str, name: str) -> Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"not YAML: {error.problem or error.context}", where=f"{name}:{line}") from None
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {str(error).splitlines()[0]}", where=name) from None
    except RecursionError:
        raise InputError("nested too deeply", where=name) from None


def _checked(root: Node, name: str) -> Iterator[tuple[str, Node]]:
    """(path, node) of every setting; the node of a key is where its line is."""
    count = 0
    waiting: list[tuple[str, Node, int]] = [("", root, 0)]
    while waiting:
        path, node, depth = waiting.pop()
        line = f"{name}:{node.start_mark.line + 1}"
        count += 1
        if count > _MOST_NODES or depth > _MOST_DEEP:
            raise InputError("too large, or it refers to itself", where=line)
        if node.tag not in _PLAIN_TAGS:
            raise InputError(
                f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')}", where=line, expected="a plain value"
            )
        if isinstance(node, MappingNode):
            _check_keys(node, name)
            for key, value in node.value:
                inner = f"{path}.{key.value}" if path else str(key.value)
                yield inner, key
                waiting.append((inner, value, depth + 1))
        elif isinstance(node, SequenceNode):
            for index, value in enumerate(node.value):
                yield f"{path}[{index}]", value
                waiting.append((f"{path}[{index}]", value, depth + 1))


def _check_keys(node: MappingNode, name: str) -> None:
    """YAML readers quietly take the last of two keys, and merge keys into something no line says."""
    seen: set[str] = set()
    for key, _ in node.value:
        line = f"{name}:{key.start_mark.line + 1}"
        if not isinstance(key, ScalarNode):
            raise InputError("a key that is no plain text", where=line)
        if key.value == "<<":
            raise InputError("merge keys are not read", where=line, mend="write the settings out, or use extends")
        if key.value in seen:
            raise InputError(f"{key.value!r} stands twice", where=line, expected="every setting once")
        seen.add(key.value)
