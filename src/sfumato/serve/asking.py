"""From a request to what it asks, whatever form it came in."""

import asyncio
from collections.abc import Callable

from starlette.requests import Request

from sfumato.predict.inputs import WithText
from sfumato.serve.body import chunks
from sfumato.serve.explaining import Wanted
from sfumato.serve.form import Form
from sfumato.serve.json_body import JsonBody, JsonWhere, parts_of, read_json_body
from sfumato.serve.question import Part, Question, questions
from sfumato.serve.refusal import Refusal
from sfumato.serve.settings import ServeSettings

FORM, JSON = "multipart/form-data", "application/json"
WANTED = ("label", "task")
"""Fields of a form beside the picture that is to be explained."""


def kind_of(request: Request) -> str:
    """Which of the two forms a request has.

    Raises:
        Refusal: Neither.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (FORM, JSON):
        reason = f"a body of type {kind or 'unknown'!r}; expected {FORM} or {JSON}"
        raise Refusal(415, "wrong_type", reason)
    return kind


async def asked(request: Request, settings: ServeSettings, *, reads_texts: bool) -> list[Question[WithText]]:
    """What a request for decisions asks; parsing JSON and the headers of pictures is left to another thread.

    Raises:
        Refusal: It is malformed, or passes a limit.
    """
    body = await _body(request, settings)

    def read() -> list[Question[WithText]]:
        parts = body.parts() if isinstance(body, Form) else parts_of(read_json_body(body, JsonBody))
        return questions(parts, settings, reads_texts=reads_texts)

    return await asyncio.to_thread(read)


async def asked_where(
    request: Request, settings: ServeSettings, *, reads_texts: bool
) -> tuple[Question[WithText], Wanted]:
    """The picture of a request for an explanation, and of what.

    Raises:
        Refusal: It is malformed, passes a limit, or has not one picture.
    """
    one = settings.model_copy(update={"files": 1})
    body = await _body(request, one, WANTED)

    def read() -> tuple[Question[WithText], Wanted]:
        parts, wanted = _where(body)
        found = questions(parts, one, reads_texts=reads_texts)[0]
        if found.what.image is None:
            raise Refusal(422, "nothing_asked", "no picture; expected one")
        return found, wanted

    return await asyncio.to_thread(read)


def _where(body: Form | bytearray) -> tuple[list[Part], Wanted]:
    if isinstance(body, Form):
        return body.parts(), Wanted(body.said("label"), body.said("task"))
    found = read_json_body(body, JsonWhere)
    return parts_of(found), Wanted(found.label, found.task)


async def _body(request: Request, settings: ServeSettings, more: tuple[str, ...] = ()) -> Form | bytearray:
    """All of it, a form as far as it can be read while it comes."""
    form = Form(request.headers["content-type"], settings, more) if kind_of(request) == FORM else None
    body = bytearray()
    take: Callable[[bytes], object] = body.extend if form is None else form.feed
    async for chunk in chunks(request, settings):
        take(chunk)
    return body if form is None else form
