"""How many bytes of requests are in hand: the bound that keeps memory flat, however many ask at once."""

from collections.abc import Generator
from contextlib import contextmanager

from sfumato.serve.refusal import Refusal


class Held:
    """Bytes that are promised to requests, of a fixed number. Used in one thread, that of the event loop.

    Args:
        most: Bytes that may be promised together.
    """

    def __init__(self, most: int) -> None:
        self._most, self.now = most, 0

    @contextmanager
    def promised(self, size: int) -> Generator[None]:
        """Within the context so many bytes are in hand.

        Raises:
            Refusal: They are more than are left.
        """
        if self.now + size > self._most:
            raise Refusal(429, "too_busy", "too many bytes of other requests are in hand; try again", retry=1)
        self.now += size
        try:
            yield
        finally:
            self.now -= size
