"""From pydantic's view of a mistake to one a person can act on: what stands there, what was expected, what is near."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sfumato.document import Document
from sfumato.errors import InputError, nearest_name

Schema = Mapping[str, Any]

KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping of settings",
    "model_attributes_type": "a mapping of settings",
    "none_required": "nothing",
    "finite_number": "a finite number",
}
BOUNDS = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "at least {}"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "at most {}"),
}


def explain(error: ValidationError, document: Document, schema: Schema) -> InputError:
    """The first mistake, in the order of the file, as one line; others are counted."""
    by_path: dict[str, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        by_path.setdefault(_path(detail, document.settings), []).append(detail)
    paths = sorted(by_path, key=lambda path: _line(document.place(path)))
    first = _explain(paths[0], by_path[paths[0]], document, schema)
    more = len(paths) - 1
    if more:
        first = InputError(f"{first} (and {more} more mistake{'s' if more > 1 else ''})")
    place = document.place(paths[0])
    return first.at(place) if place else first


def _explain(path: str, details: list[ErrorDetails], document: Document, schema: Schema) -> InputError:
    detail = details[0]
    kind, found = detail["type"], detail.get("input")
    context = detail.get("ctx", {})
    parent, _, name = path.rpartition(".")
    if kind == "extra_forbidden":
        names = sorted(_fields(schema, document.settings, parent))
        near = nearest_name(name, names)
        return InputError("unknown setting", setting=path, expected=None if near else _one_of(names), nearest=near)
    if kind == "missing":
        meaning = "one more entry" if path.endswith("]") else _meaning(schema, document.settings, path)
        return InputError("missing", setting=path, expected=meaning)
    if kind == "value_error":
        cause = context["error"]
        if isinstance(cause, InputError):
            return cause
        return InputError(str(cause), setting=path or None)
    if kind == "union_tag_invalid":
        return _wrong_kind(path, found, context)
    choices = _choices(details)
    others = dict.fromkeys(_expectation(d) for d in details if d["type"] != "literal_error")
    expected = " or ".join([*([_one_of(choices)] if choices else []), *others])
    near = nearest_name(found, choices) if isinstance(found, str) else None
    return InputError(f"found {_shown(found)}", setting=path or None, expected=expected, nearest=near)


def _wrong_kind(path: str, found: object, context: dict[str, Any]) -> InputError:
    """A component whose `kind` is unknown, or that is no mapping."""
    choices = re.findall(r"'([^']+)'", str(context.get("expected_tags", "")))
    if not isinstance(found, Mapping):
        return InputError(f"found {_shown(found)}", setting=path, expected=f"a mapping such as {{kind: {choices[0]}}}")
    tag, key = str(context.get("tag")), str(context.get("discriminator", "kind()")).removesuffix("()")
    return InputError(
        f"found {_shown(tag)}", setting=f"{path}.{key}", expected=_one_of(choices), nearest=nearest_name(tag, choices)
    )


def _expectation(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in BOUNDS:
        key, phrase = BOUNDS[kind]
        return phrase.format(_number(context[key]))
    if kind == "string_pattern_mismatch":
        return "letters, digits, '_', '-' or '.' only, a letter or digit first"
    if kind in ("string_too_short", "too_short"):
        return "something in it" if context.get("min_length") == 1 else f"at least {context.get('min_length')} entries"
    if kind == "string_too_long":
        return f"at most {context.get('max_length')} letters"
    if kind == "too_long":
        return f"at most {context.get('max_length')} entries"
    return KINDS.get(kind, detail["msg"])


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _choices(details: Iterable[ErrorDetails]) -> list[str]:
    texts = [str(d.get("ctx", {}).get("expected", "")) for d in details if d["type"] == "literal_error"]
    return [choice for text in texts for choice in re.findall(r"'([^']*)'", text)]


def _path(detail: ErrorDetails, settings: Mapping[str, Any]) -> str:
    """Recipe path of an error: its location without the names of union branches, which no file contains."""
    path = ""
    here: Any = settings
    last = len(detail["loc"]) - 1
    for turn, step in enumerate(detail["loc"]):
        if isinstance(step, int):
            path, here = f"{path}[{step}]", _inside(here, step)
        elif _names(here, step):
            path, here = _join(path, step), _inside(here, step)
        elif detail["type"] == "missing" and turn == last:
            path = _join(path, step)
    return path


def _names(here: object, step: str) -> bool:
    return isinstance(here, Mapping) and step in cast(Mapping[str, Any], here)


def _inside(here: object, step: int | str) -> Any:
    """What a list or mapping holds at a place; None where there is no such place."""
    if isinstance(here, Mapping):
        return cast(Mapping[int | str, Any], here).get(step)
    if isinstance(here, Sequence) and isinstance(step, int) and step < len(cast(Sequence[Any], here)):
        return cast(Sequence[Any], here)[step]
    return None


def _join(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step


def _line(place: str | None) -> int:
    end = (place or "").rpartition(":")[2]
    return int(end) if end.isdigit() else 0


def _fields(schema: Schema, settings: Mapping[str, Any], path: str) -> dict[str, Schema]:
    """Settings that may stand at a path, by name."""
    nodes, here = [schema], cast(object, settings)
    for step in re.findall(r"[^.\[\]]+|\[\d+\]", path):
        index = int(step[1:-1]) if step.startswith("[") else step
        nodes = [inner for node in _open(schema, nodes, here) for inner in _step(node, index)]
        here = _inside(here, index)
    return {name: field for node in _open(schema, nodes, here) for name, field in node.get("properties", {}).items()}


def _open(root: Schema, nodes: Iterable[Schema], here: object) -> list[Schema]:
    """Nodes with references followed and unions spread out; of components, only the kind that the settings name."""
    opened: list[Schema] = []
    for node in nodes:
        if "$ref" in node:
            opened += _open(root, [root["$defs"][node["$ref"].rpartition("/")[2]]], here)
        elif "oneOf" in node or "anyOf" in node:
            opened += _open(root, [*node.get("oneOf", []), *node.get("anyOf", [])], here)
        else:
            opened.append(node)
    wanted = cast(Mapping[str, Any], here).get("kind") if isinstance(here, Mapping) else None
    kinds = {node["properties"]["kind"]["const"]: node for node in opened if "kind" in node.get("properties", {})}
    return [kinds.get(wanted, next(iter(kinds.values())))] if kinds else opened


def _step(node: Schema, step: int | str) -> list[Schema]:
    if isinstance(step, int):
        return [node["items"]] if "items" in node else []
    return [node["properties"][step]] if step in node.get("properties", {}) else []


def _meaning(schema: Schema, settings: Mapping[str, Any], path: str) -> str | None:
    """First sentence of a setting's documentation, in small letters."""
    parent, _, name = path.rpartition(".")
    text = str(_fields(schema, settings, parent).get(name, {}).get("description", ""))
    sentence = re.split(r"[;.]\s", " ".join(text.split()) + " ")[0].rstrip(".")
    return sentence[:1].lower() + sentence[1:] if sentence else None


def _one_of(names: Iterable[str]) -> str:
    names = list(names)
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
