"""Writes docs/reference.md from the JSON Schema of recipes: `make docs`. A test says when it is stale."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sfumato.recipe.load import json_schema

Schema = Mapping[str, Any]
HEAD = """# Reference of every setting

Made from the specs by `make docs`. A dash as default means that the setting must be given, or that it is off.
"""
TYPES = {"integer": "whole number", "number": "number", "object": "a mapping", "boolean": "true or false"}


def page() -> str:
    """The whole page."""
    schema = json_schema()
    lines = [HEAD, *_table("Top of the recipe", "", schema)]
    for name, field in schema["properties"].items():
        for path, title, spec in _specs(schema, name, field):
            lines += _table(f"`{path}`", title, spec)
    return "\n".join(lines)


def _specs(root: Schema, path: str, field: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Every mapping of settings at and below a path, with what it is."""
    for option in _options(root, field):
        if "properties" not in option:
            continue
        named = [f", {key}: {option['properties'].get(key, {}).get('const')}" for key in ("kind", "profile")]
        yield path + "".join(name for name in named if not name.endswith("None")), option.get("description", ""), option
        for name, inner in option["properties"].items():
            if name != "kind" and "Ramp" not in str(inner):
                yield from _specs(root, f"{path}.{name}", inner)


def _options(root: Schema, field: Schema) -> list[Schema]:
    if "$ref" in field:
        return _options(root, root["$defs"][field["$ref"].rpartition("/")[2]])
    if "items" in field:
        return _options(root, field["items"])
    branches = [*field.get("oneOf", []), *field.get("anyOf", [])]
    return [option for branch in branches for option in _options(root, branch)] if branches else [field]


def _table(title: str, about: str, spec: Schema) -> list[str]:
    rows = [
        f"| `{name}` | {_type(field)} | {_default(field)} | {_text(field)} |"
        for name, field in spec["properties"].items()
        if name != "kind"
    ]
    head = [f"## {title}", *(["", about] if about else [])]
    return [*head, "", "| setting | takes | default | meaning |", "| --- | --- | --- | --- |", *rows, ""]


def _type(field: Schema) -> str:
    if "const" in field or "enum" in field:
        return " or ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return "a [ramp](timeline.md)" if name.startswith("Ramp") else "settings, see below"
    branches = [b for b in (*field.get("oneOf", []), *field.get("anyOf", [])) if b.get("type") != "null"]
    if branches:
        return " or ".join(dict.fromkeys(_type(branch) for branch in branches))
    if field.get("pattern", "").startswith("^\\d"):
        return "a duration"
    if field.get("type") == "array":
        return "a list"
    return TYPES.get(str(field.get("type")), "text") + _bounds(field)


def _bounds(field: Schema) -> str:
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    found = [f"{word} {field[key]:g}" for key, word in words.items() if key in field and field[key] < 2**31 - 1]
    return f", {', '.join(found)}" if found else ""


def _default(field: Schema) -> str:
    default = field.get("default")
    if default is None or isinstance(default, dict):
        return "-" if default is None else "as below"
    return f"`{default}`" if not isinstance(default, list) else f"`[{', '.join(map(str, default))}]`"


def _text(field: Schema) -> str:
    return str(field.get("description", "")).replace("\n", " ").replace("|", "\\|")


if __name__ == "__main__":
    target = Path(__file__).with_name("reference.md")
    target.write_text(page(), encoding="utf-8")
    print(f"wrote {target}")
