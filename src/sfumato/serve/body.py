"""The body of a request, chunk by chunk, within its limits of bytes and time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from sfumato.serve.refusal import Refusal
from sfumato.serve.settings import ServeSettings

PATIENCE = 5.0
"""Seconds for which the rest of a refused body is listened to."""


def claimed_bytes(request: Request, settings: ServeSettings) -> int:
    """What a body is said to hold; where nothing is said, all that it may.

    Raises:
        Refusal: More than is accepted.
    """
    most = round(settings.megabytes * 1e6)
    claimed = request.headers.get("content-length")
    if claimed is None or "transfer-encoding" in request.headers:  # the second overrules the first
        return most
    size = int(claimed)  # HTTP lets nothing but digits through
    if size > most:
        raise _too_many(most)
    return size


async def chunks(request: Request, settings: ServeSettings) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises:
        Refusal: It is too large, comes too slowly, or ends too early.
    """
    most, seen = round(settings.megabytes * 1e6), 0
    deadline = asyncio.get_running_loop().time() + settings.seconds
    try:
        async with asyncio.timeout_at(deadline):
            async for chunk in request.stream():
                seen += len(chunk)
                if seen > most:
                    raise _too_many(most)
                yield chunk
    except TimeoutError:
        raise Refusal(408, "too_slow", f"the request did not arrive within {settings.seconds:g} s") from None
    except ClientDisconnect:
        raise Refusal(400, "cut_off", "the request ended before its body did") from None


async def discard(request: Request, most: int) -> None:
    """Listen to the rest of a refused body, for a while and keeping nothing: who still sends can't hear an answer."""
    if "expect" in request.headers:
        return  # the client waits to be told whether to send it
    seen = 0
    with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                seen += len(chunk)
                if seen > most:
                    return


def _too_many(most: int) -> Refusal:
    return Refusal(413, "too_many_bytes", f"more than the {most:,} bytes that a request may have")
