"""Records that are stored as JSON and read back strictly: every field, no other, of its type and in its range."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from sfumato.errors import InputError

Record = TypeVar("Record")
_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def stored(kind: type[Record]) -> type[Record]:
    """Marks a dataclass that `read_stored` reads; the ranges of its fields are pydantic's."""
    cast(Any, kind).__pydantic_config__ = _STRICT
    return kind


def read_stored(kind: type[Record], document: object, what: str, where: str) -> Record:
    """A record from what JSON made of it.

    Args:
        kind: A dataclass marked by `stored`.
        document: What was read.
        what: Says in errors what it should be, such as `a policy`.
        where: Names the file in errors.

    Raises:
        InputError: A field is missing, unknown, of another type or out of range.
    """
    adapter = TypeAdapter(kind)
    try:
        record = adapter.validate_json(json.dumps(document))
    except ValidationError as error:
        raise InputError(f"not {what}: {first_mistake(error)}", where=where) from None
    missing = _missing(document, adapter.dump_python(record, mode="json"))
    if missing is not None:
        raise InputError(f"not {what}: {missing} is missing", where=where)
    return record


def first_mistake(error: ValidationError) -> str:
    """What is wrong first, with its place, in a few words."""
    mistake = error.errors()[0]
    place = ".".join(map(str, mistake["loc"])) or "it"
    said = {"missing": "is missing", "unexpected_keyword_argument": "is unknown", "extra_forbidden": "is unknown"}
    message = mistake["msg"].removeprefix("Input ")
    return f"{place} {said.get(mistake['type'], message[:1].lower() + message[1:])}"


def _missing(document: object, whole: object, place: str = "") -> str | None:
    """The first field that only a default stands for."""
    if not isinstance(whole, Mapping) or not isinstance(document, Mapping):
        return None
    found, full = cast(Mapping[str, object], document), cast(Mapping[str, object], whole)
    for name, value in full.items():
        inner = f"{place}{name}"
        deeper = _missing(found[name], value, f"{inner}.") if name in found else inner
        if deeper is not None:
            return deeper
    return None
