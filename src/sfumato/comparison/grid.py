"""A grid: settings with several values each, and every combination of these."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, cast

from sfumato.document import parse_document
from sfumato.errors import InputError

Grid = Mapping[str, Sequence[Any]]
"""Recipe path -> its values."""
EXAMPLE = "PATH=VALUE,VALUE..., such as train.seed=0,1,2"


@dataclass(frozen=True)
class Point:
    """One combination."""

    overrides: dict[str, Any]
    """Recipe path -> value."""
    name: str
    """What it differs in, fit for a folder: `lr=0.001,seed=1`; empty where there is no grid."""


def parse_grid(texts: Sequence[str], fixed: Mapping[str, Any] | None = None) -> dict[str, list[Any]]:
    """Recipe path -> its values, of what `--grid` was given; values are read as YAML.

    Args:
        texts: Each `path=value,value`.
        fixed: What `--set` was given, which a grid may not vary.

    Raises:
        InputError: No such form, or a setting named twice.
    """
    found: dict[str, list[Any]] = {}
    for text in texts:
        path, equals, values = (part.strip() for part in text.partition("="))
        if not (path and equals and values):
            raise InputError(f"--grid {text}", expected=EXAMPLE)
        if path in found:
            raise InputError(f"--grid {path}: given twice", expected="all its values in one")
        found[path] = _values(text, values)
    check_grid(found, fixed)
    return found


def check_grid(grid: Grid, fixed: Mapping[str, Any] | None = None) -> None:
    """Refuse a setting that does not vary, has a value twice, or is fixed.

    Raises:
        InputError: It does.
    """
    for path, values in grid.items():
        written = [_written(value) for value in values]
        twice = next((one for place, one in enumerate(written) if one in written[:place]), None)
        if path in (fixed or {}):
            raise InputError(f"--grid {path}: --set gives it one value", expected="one of the two")
        if len(values) < 2:
            raise InputError(f"--grid {path}: {len(values)} value, which varies nothing", expected=EXAMPLE)
        if twice is not None:
            raise InputError(f"--grid {path}: {twice} stands twice", expected="each value once")


def points(grid: Grid) -> list[Point]:
    """Every combination, the last setting varying fastest; one without a difference where there is no grid."""
    keys = _short_keys(list(grid))
    return [
        Point(
            dict(zip(grid, values, strict=True)),
            ",".join(f"{key}={_fit(value)}" for key, value in zip(keys, values, strict=True)),
        )
        for values in product(*grid.values())
    ]


def _values(text: str, values: str) -> list[Any]:
    settings = parse_document(f"value: [{values}]", f"--grid {text}", Path.cwd()).settings
    found = settings.get("value")
    if list(settings) != ["value"] or not isinstance(found, list):
        raise InputError(f"--grid {text}", expected=EXAMPLE)
    return cast(list[Any], found)


def _short_keys(paths: list[str]) -> list[str]:
    """The last word of each path, or the whole path where two end in the same word."""
    last = [path.rpartition(".")[2] for path in paths]
    return [_fit(path if last.count(word) > 1 else word) for path, word in zip(paths, last, strict=True)]


def _fit(value: object) -> str:
    """Fit for a folder's name on any system."""
    text = value if isinstance(value, str) else _written(value)
    return re.sub(r"[^\w.+-]+", "_", text).strip("_")[:60] or "_"


def _written(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
