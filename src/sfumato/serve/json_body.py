"""A request as JSON: inputs, each with its pictures in base64, a text, a name."""

import base64
import binascii
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sfumato.serve.question import LONGEST_NAME, Part
from sfumato.serve.refusal import Refusal
from sfumato.stored import first_mistake

_STRICT = ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True)

Name = Annotated[str, Field(max_length=LONGEST_NAME)]


class JsonInput(BaseModel):
    """One input: a picture, a text, or both."""

    model_config = _STRICT

    image: str | list[str] | None = None
    """The content of a picture's file in base64, or of several pictures of the same. No path or address: nothing is
    fetched."""
    text: str | None = None
    """What is said of it, where the bundle reads texts."""
    name: Name | None = None
    """What it is called in the answer; none = its place."""


class JsonBody(BaseModel):
    """What is asked."""

    model_config = _STRICT

    inputs: list[JsonInput]
    """Each is decided on by itself."""


class JsonWhere(JsonBody):
    """What is asked of one picture: where in it is what speaks for a class."""

    label: Name | None = None
    """Id, name or alias of the class; none = what was decided."""
    task: Name | None = None
    """One of several questions, or a stage of a cascade; none = the only question, or the stage that decided."""


Body = TypeVar("Body", bound=JsonBody)


def read_json_body(body: bytes | bytearray, form: type[Body]) -> Body:
    """A JSON body.

    Raises:
        Refusal: It is no JSON, or of another form.
    """
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        broken = error.errors()[0]["type"] == "json_invalid"
        raise Refusal(*((400, "broken_json") if broken else (422, "wrong_form")), first_mistake(error)) from None


def parts_of(asked: JsonBody) -> list[Part]:
    """The inputs that it holds.

    Raises:
        Refusal: An input is empty, or an image is not in base64.
    """
    return [_part(one, place) for place, one in enumerate(asked.inputs)]


def _part(one: JsonInput, place: int) -> Part:
    if one.image is None and one.text is None:
        raise Refusal(422, "wrong_form", f"inputs.{place} has neither image nor text")
    images = [one.image] if isinstance(one.image, str) else one.image or []
    return Part(tuple(_decoded(text, place) for text in images), one.text, one.name)


def _decoded(text: str, place: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        reason = f"inputs.{place}.image is not base64; expected the content of a file, no path and no address"
        raise Refusal(422, "not_base64", reason) from None
