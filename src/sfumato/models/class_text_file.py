"""Files of class texts: YAML or JSON, `{class: text}` or `{class: [text, text]}`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from sfumato.document import is_file, read_document
from sfumato.errors import InputError, nearest_name
from sfumato.json_file import read_text
from sfumato.yaml_text import write_mapping

EXAMPLE = "a text or a list of texts for each class, such as 肺炎: 这是一张显示肺炎的胸部X光图像"
KIND = "file of class texts"


def read_class_texts(path: Path) -> dict[str, tuple[str, ...]]:
    """Class -> its texts, of which there may be none yet.

    Raises:
        InputError: No such file, not what it should hold, a class twice.
    """
    if not is_file(path):
        near = nearest_name(path.name, [one.name for one in path.parent.glob("*") if one.suffix in (".json", ".yaml")])
        mend = f"sfumato texts DATA --out {path.name} writes one"
        raise InputError(f"no such {KIND}", where=str(path), nearest=near, mend=mend)
    json_form = path.suffix.lower() == ".json"
    content = _json(path) if json_form else read_document(path, kind=KIND, example=EXAMPLE).settings
    return {str(name): _several(name, value, path) for name, value in content.items()}


def class_texts_text(texts: Mapping[str, Sequence[str]], *, json_form: bool = False) -> str:
    """What `read_class_texts` reads back, a single text standing by itself."""
    plain = {name: some[0] if len(some) == 1 else list(some) for name, some in texts.items()}
    return json.dumps(plain, ensure_ascii=False, indent=2) + "\n" if json_form else write_mapping(plain)


def _several(name: object, value: object, path: Path) -> tuple[str, ...]:
    some = cast(list[object], value) if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in some):
        raise InputError(f"class {str(name)!r} has {value!r}", where=str(path), expected=EXAMPLE)
    return tuple(cast(list[str], some))


def _json(path: Path) -> dict[str, Any]:
    try:
        content: object = json.loads(read_text(path), object_pairs_hook=lambda pairs: _once(pairs, path))
    except ValueError as error:
        raise InputError(f"not JSON: {error}", where=str(path)) from None
    if not isinstance(content, dict):
        raise InputError("no object in it", where=str(path), expected=EXAMPLE)
    return cast(dict[str, Any], content)


def _once(pairs: list[tuple[str, Any]], path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InputError(f"class {name!r} stands twice", where=str(path), expected="each class once")
        found[name] = value
    return found
