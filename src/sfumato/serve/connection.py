"""A connection that is closed when its client says nothing, and that loses no request when the service ends."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from sfumato.json_file import to_json
from sfumato.serve.refusal import Refusal

SILENCE = 10.0
"""Seconds within which the head of a request must have come."""
LAST_CALL = 2.0
"""Seconds for which a connection without a request is kept when the service ends: one may be on its way."""
DEAF = 1.0
"""Seconds for which a connection is kept that was told that what it sends is no HTTP: one that still sends would not
hear it if it were closed at once."""


class Connection(H11Protocol):
    """uvicorn's, which would wait for a head for ever, and drop what is on its way when it ends."""

    _fuse: asyncio.TimerHandle | None = None
    _deaf = False

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        super().connection_made(transport)
        self._light(SILENCE)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._deaf:
            return
        super().data_received(data)
        if self._deaf:
            return
        if not self._idle:
            self._put_out()
        elif self._fuse is None:
            self._light(SILENCE)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client, or this side, has closed it."""
        self._put_out()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What has come is no HTTP; nothing more is read."""
        begun = not self._idle and self.cycle.response_started
        if not self._idle:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not begun:
            self.transport.write(_broken(msg))
        self._deaf = True
        self._put_out()
        self._light(DEAF)

    def shutdown(self) -> None:
        """End after the present answer, or soon where there is none to give."""
        if self._idle or self._deaf:
            self._put_out()
            self._light(LAST_CALL)
        else:
            super().shutdown()

    @property
    def _idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]

    def _light(self, seconds: float) -> None:
        self._fuse = self.loop.call_later(seconds, self.transport.close)

    def _put_out(self) -> None:
        if self._fuse is not None:
            self._fuse.cancel()
            self._fuse = None


def _broken(reason: str) -> bytes:
    """An answer to what is no HTTP."""
    body = to_json(Refusal(400, "no_http", reason).to_dict(), indent=None).encode()
    head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
