"""Serving: one socket, one event loop, and an end that loses nothing.

A first SIGINT or SIGTERM makes the service leave: `/ready` says no, new requests are answered 503, each connection is
closed after its answer. A second later the socket is closed, what is in hand is answered, and the process ends. A
second signal ends it at once.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

from sfumato.errors import InputError
from sfumato.serve.app import make_app
from sfumato.serve.connection import Connection
from sfumato.serve.service import Service

LINGER = 1.0
"""Seconds for which a leaving service still takes connections, to tell them that it leaves."""
HOLD = 0.3
"""The last of them, in which answers wait for the socket to be closed: a client that is told to come back does so at
once, and one that has connected and was not yet accepted would be lost with the socket."""
HEAD = 16_384
"""Bytes that the head of a request may have."""
CONNECTIONS = 1024
"""That may be open; more are answered 503."""


class Server(uvicorn.Server):
    """uvicorn's, which leaves before it ends.

    Args:
        service: What it serves.
        seconds: Longest time that what is in hand may take at the end.
    """

    def __init__(self, service: Service, seconds: float) -> None:
        config = uvicorn.Config(
            make_app(service),
            http=Connection,
            ws="none",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            h11_max_incomplete_event_size=HEAD,
            timeout_graceful_shutdown=round(2 * seconds) + 5,
        )
        super().__init__(config)
        self._door, self._left_at = service.door, 0.0

    def leave(self) -> None:
        """Begin to end."""
        self._door.leaving, self._left_at = True, time.monotonic()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # as the signal calls it
        """A signal has come."""
        if self._door.leaving:
            self.should_exit = self.force_exit = True
        self.leave()

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; whether to end."""
        since = time.monotonic() - self._left_at if self._door.leaving else 0.0
        self._door.holding = since >= LINGER - HOLD
        self.should_exit = self.should_exit or since >= LINGER
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the socket, let go what was held, and wait for what is in hand."""
        for listening in self.servers:
            listening.close()
        for one in sockets or ():
            one.close()
        self._door.closed.set()
        await super().shutdown(sockets)


def bound(host: str, port: int) -> socket.socket:
    """A socket at an address; nobody can connect to it yet.

    Raises:
        InputError: The address is taken, not allowed, or none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(AttributeError, OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or str(error)
        mend = "--port 0 takes a free one"
        raise InputError(f"{host}, port {port}: {reason.lower()}", where="--port", mend=mend) from None
    return found


def address_of(listener: socket.socket) -> str:
    """Where a client finds it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(service: Service, listener: socket.socket, seconds: float, begun: Callable[[], Any]) -> None:
    """Serve until a signal comes and everything in hand is answered; `begun` is called when clients can connect."""
    asyncio.run(_run(Server(service, seconds), listener, begun))


async def _run(server: Server, listener: socket.socket, begun: Callable[[], Any]) -> None:
    serving = asyncio.create_task(server.serve([listener]))
    while not (server.started or serving.done()):
        await asyncio.sleep(0.01)
    if not serving.done():
        begun()
    await serving
