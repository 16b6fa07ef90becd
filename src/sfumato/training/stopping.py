"""Ctrl-C and SIGTERM as a wish, granted between two steps."""

import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from sfumato.errors import Interrupted, Stopped

SAME_WISH = 1.0
"""Seconds in which another signal says nothing new: a terminal and a launcher both pass the same Ctrl-C on."""


class StopWish:
    """Whether somebody asked for an end."""

    def __init__(self) -> None:
        self.number = 0
        """Of the signal; 0 = nobody did."""
        self.since = 0.0

    @property
    def signal(self) -> str | None:
        """Name of the signal."""
        return signal_name(self.number)


def signal_name(number: int) -> str | None:
    """`SIGINT` for 2; None for 0."""
    return signal.Signals(number).name if number else None


@contextmanager
def stop_wish() -> Generator[StopWish]:
    """Within the context the first SIGINT or SIGTERM is noted; one that comes later acts as it did before."""
    wish = StopWish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    former = {number: signal.getsignal(number) for number in (signal.SIGINT.value, signal.SIGTERM.value)}

    def note(number: int, _: FrameType | None) -> None:
        if not wish.number:
            wish.number, wish.since = number, time.monotonic()
        elif time.monotonic() - wish.since > SAME_WISH:
            signal.signal(number, former[number])
            signal.raise_signal(number)

    for number in former:
        signal.signal(number, note)
    try:
        yield wish
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def going_on_with(command: str) -> Generator[None]:
    """Within the context a signal ends in Interrupted that names the command to go on with.

    The outermost one is named: who stops one fold of many goes on with all of them.
    """
    try:
        yield
    except Interrupted as stop:
        raise Interrupted(f"{str(stop).partition(_GO_ON)[0]}{_GO_ON}{command}") from None
    except (KeyboardInterrupt, Stopped) as stop:
        raise Interrupted(f"stopped by {str(stop) or 'SIGINT'}{_GO_ON}{command}") from None


_GO_ON = "; go on with: "


@contextmanager
def uninterrupted() -> Generator[None]:
    """Within the context a SIGINT or SIGTERM waits; at its end it raises Stopped."""
    with stop_wish() as wish:
        yield
    if wish.signal:
        raise Stopped(wish.signal)
