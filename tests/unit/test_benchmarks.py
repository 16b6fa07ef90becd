"""Benchmarks run by hand: what they take of Sfumato is still there."""

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted([*(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "examples").rglob("*.py")])


def taken(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(module, name): what is imported from Sfumato, and attributes of its modules that are used."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update({one.asname or one.name: one.name for one in node.names if one.name == "sfumato"})
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sfumato":
            for one in node.names:
                yield str(node.module), one.name
                modules[one.asname or one.name] = f"{node.module}.{one.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield modules[node.value.id], node.attr


def found(module: str, name: str) -> bool:
    """Whether a module, or a class or function in one, has something of this name."""
    if module == "":
        return False
    try:
        return (
            hasattr(importlib.import_module(module), name) or importlib.util.find_spec(f"{module}.{name}") is not None
        )
    except ModuleNotFoundError:
        parent, _, own = module.rpartition(".")
        thing = getattr(importlib.import_module(parent), own)
        return hasattr(thing, name) or name in getattr(thing, "model_fields", {}) or name in annotations(thing)


def annotations(thing: object) -> set[str]:
    """Fields of a dataclass and its parents."""
    return {name for one in getattr(thing, "__mro__", ()) for name in getattr(one, "__annotations__", {})}


def test_there_are_scripts():
    assert len(SCRIPTS) >= 45


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_it_takes_of_sfumato_is_there(script):
    missing = [
        f"{module}.{name}"
        for module, name in taken(ast.parse(script.read_text(encoding="utf-8")))
        if not found(module, name)
    ]
    assert not missing
