"""What stands before every route: names, origin, key, the headers of every answer, and the count of answers."""

import asyncio
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sfumato.serve.key import shows
from sfumato.serve.page import FILES
from sfumato.serve.refusal import Refusal

OPEN = frozenset({*FILES, "/health", "/ready"})
"""What needs no key: the page, which asks for it, and what watches over services."""
HERE = ("localhost", "127.0.0.1", "::1")
"""Names of this machine to itself."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer: a page that is shown may load nothing from elsewhere, and nobody may frame or keep it."""

Answered = Callable[[str, int, float], None]
"""Told of each answer: its path, status and seconds."""


@dataclass
class Door:
    """Who may come in."""

    hosts: tuple[str, ...]
    """Names by which the service may be called; empty = any."""
    key: str | None = field(repr=False)
    """What clients must show; None = nothing."""
    leaving: bool = False
    """Whether the service ends: connections are then closed after their answer."""
    holding: bool = False
    """Whether answers wait until nobody can come in any more: who waits for one does not knock anew, and nobody then
    stands before a door that is being closed."""
    closed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Nobody can come in any more."""


def accepted_hosts(host: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names that are accepted at an address: those given, else on a loopback address those of this machine."""
    if names:
        return tuple(name.lower() for name in names)
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return tuple(dict.fromkeys((*HERE, host))) if loopback else ()


class Guard:
    """Wraps the application.

    Args:
        app: The application.
        door: Who may come in.
        answered: Told of each answer.
    """

    def __init__(self, app: ASGIApp, door: Door, answered: Answered) -> None:
        self._app, self._door, self._answered = app, door, answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if self._door.holding:
                    await self._door.closed.wait()
                if self._door.leaving:
                    headers["Connection"] = "close"
                self._answered(scope["path"], message["status"], time.monotonic() - begun)
            await send(message)

        try:
            self._admit(scope)
        except Refusal as refusal:
            answer = JSONResponse(refusal.to_dict(), refusal.status, refusal.headers)
            await answer(scope, receive, told)
        else:
            await self._app(scope, receive, told)

    def _admit(self, scope: Scope) -> None:
        headers, door = Headers(scope=scope), self._door
        host = headers.get("host", "")
        if door.hosts and _name(host) not in door.hosts:
            raise Refusal(421, "wrong_host", f"called by a name that is not its own; expected {', '.join(door.hosts)}")
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host:
            raise Refusal(403, "wrong_origin", "a page of another address may not ask")
        if door.key is not None and scope["path"] not in OPEN and not shows(door.key, headers.get("authorization")):
            raise Refusal(401, "no_key", "no key, or another; expected `Authorization: Bearer KEY`")


def _place(address: str) -> str | None:
    """Host and port of an address; None where it is none."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return None


def _name(host: str) -> str | None:
    """The name in a `Host`, without its port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
