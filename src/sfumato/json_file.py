"""JSON as others read it: UTF-8, one object a file, and no NaN, which JSON has no word for."""

import json
from pathlib import Path
from typing import Any, cast

from sfumato.errors import InputError, RunError


def to_json(document: object, indent: int | None = 2) -> str:
    """The document as JSON text.

    Raises:
        RunError: A number in it is not finite.
    """
    try:
        return json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise RunError("a figure is not finite, and JSON has no word for it") from error


def write_json(path: Path, document: object) -> None:
    """Write a file that `read_json` reads back; as `to_json`, which says what it raises."""
    path.write_text(to_json(document) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        InputError: Missing, not UTF-8, not JSON, a number that is not finite, or no object.
    """
    try:
        document = json.loads(read_text(path), parse_constant=_refuse)
    except RecursionError:
        raise InputError("damaged: nested too deeply", where=str(path)) from None
    except ValueError as error:
        raise InputError(f"damaged: {error}", where=str(path)) from None
    if not isinstance(document, dict):
        raise InputError("damaged: no object in it", where=str(path))
    return cast(dict[str, Any], document)


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        InputError: Missing, or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError("missing", where=str(path)) from None
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise InputError(f"damaged: not UTF-8 text (byte {error.start})", where=str(path)) from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")
