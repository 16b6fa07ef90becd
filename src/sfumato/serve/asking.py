"""From a request for decisions to what it asks, whatever form it came in."""

import asyncio

from starlette.requests import Request

from sfumato.serve.body import chunks
from sfumato.serve.form import Form
from sfumato.serve.json_body import json_parts
from sfumato.serve.question import Part, Question, questions
from sfumato.serve.refusal import Refusal
from sfumato.serve.settings import ServeSettings

FORM, JSON = "multipart/form-data", "application/json"


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


async def asked(request: Request, settings: ServeSettings, *, reads_texts: bool) -> list[Question]:
    """What a request asks; parsing JSON and the headers of pictures is left to another thread.

    Raises:
        Refusal: It is malformed, or passes a limit.
    """
    if kind_of(request) == FORM:
        form = Form(request.headers["content-type"], settings)
        async for chunk in chunks(request, settings):
            form.feed(chunk)
        return await asyncio.to_thread(lambda: _checked(form.parts(), settings, reads_texts=reads_texts))
    body = bytearray()
    async for chunk in chunks(request, settings):
        body += chunk
    return await asyncio.to_thread(lambda: _checked(json_parts(body), settings, reads_texts=reads_texts))


def _checked(parts: list[Part], settings: ServeSettings, *, reads_texts: bool) -> list[Question]:
    return questions(parts, settings, reads_texts=reads_texts)
